#!/usr/bin/env bash
# What an erosion in Convert3D takes away from a mask is −1.8e308 afterwards, not background.
#
# Versions: picsl_c3d 1.4.6.0, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: -erode sets the voxels that an object loses to the lowest number that a double can have. In a file of bytes
#     they are written as 0, so that it is not seen; further commands and Python, by peek, get the number. The sum is
#     minus infinity, an opening leaves it in the corners that it rounds off, what is not 0 has its old size.
# Expected: 0, as around the object, and as -dilate 0 makes it.
# Seen: a cube of 1000 voxels. After -erode 1 1x1x1vox: 512 of 1 and 488 of -1.8e308, voxel sum -inf; 1000 voxels are
#     not 0. Opened: 992 of 1 and 8 of -1.8e308. By -dilate 0: 512 of 1, the others 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7 picsl_c3d==1.4.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from picsl_c3d import Convert3D

print({name: version(name) for name in ("picsl_c3d", "SimpleITK", "numpy")})
mask = np.zeros((20, 20, 20), np.uint8)
mask[5:15, 5:15, 5:15] = 1
seen = {}
for command in (
    "-dilate 0 1x1x1vox",
    "-erode 1 1x1x1vox",
    "-erode 1 1x1x1vox -dilate 1 1x1x1vox",
    "-erode 1 1x1x1vox -type uchar -o mask.nii.gz",
):
    program = Convert3D()
    program.push(sitk.GetImageFromArray(mask))
    program.execute(command)
    result = sitk.GetArrayFromImage(program.peek(-1))
    values, counts = np.unique(result, return_counts=True)
    seen[command] = {f"{value:.1e}" if value < 0 else int(value): int(n) for value, n in zip(values, counts)}
    print(f"{command}: {seen[command]}, {np.count_nonzero(result)} voxels are not 0")
file = sitk.GetArrayFromImage(sitk.ReadImage("mask.nii.gz"))
print(f"file of bytes: {np.unique(file, return_counts=True)}")
eroded = {"-1.8e+308": 488, 0: 7000, 1: 512}
if list(seen.values()) != [{0: 7488, 1: 512}, eroded, {"-1.8e+308": 8, 0: 7000, 1: 992}, eroded]:
    sys.exit("The behavior has changed: voxels have other values.")
if int(file.sum()) != 512 or file.max() != 1:
    sys.exit("The behavior has changed: the file has other values.")
PY
