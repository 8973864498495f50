#!/usr/bin/env bash
# SimpleITK mirrors MINC files along x and y: an atlas or a label map in MINC lies on the other side of the head.
#
# Versions: SimpleITK 2.5.7, nibabel 5.4.2, h5py 3.16.0, NumPy 2.4.6.
# Behavior: coordinates in MINC grow to the right, to the front and upwards (SimpleITK writes these words into the
#     file), those of SimpleITK to the left, to the back and upwards. From NIfTI they are converted; with MINC they are
#     taken as they are, in reading and in writing alike. Whoever reads with SimpleITK what SimpleITK has written
#     notices nothing. There is no warning. ITK's developers call it a bug and have mended it (ITK's pull request 4864,
#     merged); this version of SimpleITK does not contain that.
# Expected: the same place in every format and reader, as with NIfTI, NRRD and MetaImage.
# Seen: a volume whose first voxel is 10 mm left, 20 mm behind and 30 mm above the origin. From its NIfTI both nibabel
#     and SimpleITK read that. In the MINC file that SimpleITK makes of it, the first voxel is 10 mm right and 20 mm in
#     front for nibabel, and the axes run the other way; SimpleITK reads its own file as it was meant.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 nibabel==5.4.2 h5py==3.16.0
cd "$work"
"$work/venv/bin/python" - <<'PY' 2> said || { cat said >&2; exit 1; }
import sys
from importlib.metadata import version

import h5py
import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "nibabel", "h5py", "numpy")})
LPS_TO_RAS = np.array([-1, -1, 1])


def plain(place):
    return [round(float(value), 3) + 0.0 for value in place]


def by_nibabel(file):
    """First voxel and its neighbor along each axis of the array as (right, anterior, superior), whatever the order."""
    affine = nibabel.load(file).affine
    return plain(affine[:3, 3]), sorted(plain(affine[:3, axis]) for axis in range(3))


def by_simpleitk(file):
    image = sitk.ReadImage(file)
    direction = np.array(image.GetDirection()).reshape(3, 3) * LPS_TO_RAS[:, None] * image.GetSpacing()
    first = plain(LPS_TO_RAS * image.GetOrigin())
    return first, sorted(plain(direction[:, axis]) for axis in range(3))


labels = np.random.default_rng(0).integers(0, 5, (4, 5, 6)).astype(np.uint8)
affine = np.diag([1.0, 2, 3, 1])
affine[:3, 3] = -10, -20, 30
nibabel.save(nibabel.Nifti1Image(labels, affine), "labels.nii.gz")
sitk.WriteImage(sitk.ReadImage("labels.nii.gz"), "labels.mnc")
seen = {}
for file in ("labels.nii.gz", "labels.mnc"):
    for name, places in (("nibabel", by_nibabel), ("SimpleITK", by_simpleitk)):
        seen[file, name] = places(file)
        print(f"{file}, {name}: first voxel {seen[file, name][0]}, axes {seen[file, name][1]}")
with h5py.File("labels.mnc") as file:
    words = [file[f"minc-2.0/dimensions/{axis}space"].attrs["comments"].decode() for axis in "xyz"]
print("the file says:", "; ".join(words))

right_place = ([-10.0, -20.0, 30.0], sorted([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))
mirrored = ([10.0, 20.0, 30.0], sorted([[-1.0, 0.0, 0.0], [0.0, -2.0, 0.0], [0.0, 0.0, 3.0]]))
as_described = {
    ("labels.nii.gz", "nibabel"): right_place,
    ("labels.nii.gz", "SimpleITK"): right_place,
    ("labels.mnc", "nibabel"): mirrored,
    ("labels.mnc", "SimpleITK"): right_place,
}
same = words[0] == "X increases from patient left to right"
sys.exit(0 if seen == as_described and same else "The behavior has changed.")
PY
test ! -s said || { echo "The behavior has changed: it said something."; cat said; exit 1; }
