#!/usr/bin/env bash
# The last four slices of an image, cut out by nibabel's slicer, lie below the image.
#
# Versions: nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: image.slicer cuts an image and its affine alike. The start of the slice goes into the affine as it was
#     written: -4 for "the fourth from the end", and 0 for a reversed axis, which begins at the other end. The voxels
#     are right, their place is off by the size of the image; a label that was cut the same way as its image still fits,
#     one that was not does not. Known as nibabel's issue 1533 (open).
# Expected: each voxel stays where it was, as with SimpleITK's image[:, :, -4:] and image[:, :, ::-1].
# Seen: ten slices of 3 mm, an organ at z = 24 mm: of slicer[..., -4:] it is at -6 mm, of slicer[..., ::-1] at -3 mm; of
#     slicer[..., 6:] and with SimpleITK at 24 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 nibabel==5.4.2 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("nibabel", "simpleitk", "numpy")})
voxels = np.zeros((5, 5, 10), np.uint8)
voxels[:, :, 8] = 1
image = nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 3.0, 1.0]))
nibabel.save(image, "organ.nii.gz")
itk = sitk.ReadImage("organ.nii.gz")
seen = {}
for name, part in (("6:", slice(6, None)), ("-4:", slice(-4, None)), ("::-1", slice(None, None, -1))):
    cut = image.slicer[:, :, part]
    index = np.argwhere(np.asarray(cut.dataobj) == 1)[0]
    of_itk = itk[:, :, part]
    z, y, x = np.argwhere(sitk.GetArrayFromImage(of_itk) == 1)[0].tolist()
    places = (cut.affine @ [*index, 1])[2], of_itk.TransformIndexToPhysicalPoint((x, y, z))[2]
    seen[name] = [float(place) for place in places]
    print(f"slices {name}: the organ is at {seen[name][0]} mm by nibabel, at {seen[name][1]} mm by SimpleITK")
if seen != {"6:": [24, 24], "-4:": [-6, 24], "::-1": [-3, 24]}:
    sys.exit("The behavior has changed: the organ is at another place.")
PY
