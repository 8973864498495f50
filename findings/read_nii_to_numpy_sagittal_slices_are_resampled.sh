#!/usr/bin/env bash
# read-nii-to-numpy resamples sagittal images when no size is asked for: 0.5 mm from head to foot become 3 mm.
#
# Versions: read-nii-to-numpy 0.1.0, nibabel 5.4.2, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: sizes that are not given are those of the file, in its order of axes, and are asked for in the order right,
#     anterior, superior. For axial images both are the same.
# Expected: without sizes the voxels as they are, or in another order of axes.
# Seen: 120 × 120 × 20 voxels of 0.5 × 0.5 × 3 mm, slices from right to left, with three disks of 1.5 mm: read with 0.5 mm
#     from right to left and 3 mm from foot to head, 21 voxels, between which all three disks lie: the largest value is
#     100 instead of 300. The same image, stored in the order of axial ones, has its 120 voxels and the disks.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 nibabel==5.4.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps read-nii-to-numpy==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from read_nii_to_numpy import nii_file_original_zoom, nii_file_to_numpy

print({name: version(name) for name in ("read-nii-to-numpy", "nibabel", "scipy", "numpy")})
image = np.full((120, 120, 20), 100, np.float32)  # anterior, superior, right
for start in (20, 61, 93):
    image[:, start : start + 3] = 300
affine = np.array([[0, 0, 3, 0], [0.5, 0, 0, 0], [0, 0.5, 0, 0], [0, 0, 0, 1.0]])
nib.save(nib.Nifti1Image(image, affine), "sagittal.nii.gz")
nib.save(nib.Nifti1Image(np.ascontiguousarray(image.transpose(2, 0, 1)), affine[:, [2, 0, 1, 3]]), "axial.nii.gz")
seen = {}
for name in ("axial", "sagittal"):
    array = nii_file_to_numpy(f"{name}.nii.gz")
    rows = np.round(array[array.shape[0] // 2, array.shape[1] // 2]).astype(int)
    bright = int(np.sum(rows == 300))
    seen[name] = array.shape, bright
    print(f"{name}: voxels of {nii_file_original_zoom(f'{name}.nii.gz')} mm, read as {array.shape}", end=", ")
    print(f"{len(rows)} from foot to head, of which {bright} have 300; largest {array.max():.0f}")
if seen["axial"] != ((20, 120, 120), 9) or seen["sagittal"][0][2] > 30 or seen["sagittal"][1] != 0:
    sys.exit("The behavior has changed: the images are read otherwise.")
PY
