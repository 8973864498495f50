#!/usr/bin/env bash
# medutils puts a volume that is stored from head to feet below itself: the whole stack is mirrored about its origin.
#
# Versions: medutils 0.1.21, SimpleITK 2.5.7, NumPy 1.26.4.
# Behavior: load_itk turns the slices round if the third axis of the direction is -1, and hands out the origin of the
#     file, which is that of the last slice then. save_itk writes it as that of the first one, with a direction of 1.
# Expected: an image that was loaded and saved with the origin and spacing that came with it lies where it was.
# Seen: an organ at z = 92.5 mm in a stack of ten slices of 5 mm comes to 137.5 mm. Stored from feet to head it stays.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 SimpleITK==2.5.7 pandas==2.2.3 scipy==1.14.1 \
    pingouin==0.5.5
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medutils==0.1.21
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from medutils.medutils import load_itk, save_itk

print({name: version(name) for name in ("medutils", "SimpleITK", "numpy")})


def height(path):
    image = sitk.ReadImage(path)
    middle = np.argwhere(sitk.GetArrayFromImage(image)).mean(0)[::-1]
    return image.TransformContinuousIndexToPhysicalPoint(middle.tolist())[2]


seen = {}
for name, up in {"from feet to head": 1, "from head to feet": -1}.items():
    mask = np.zeros((10, 20, 20), np.int16)
    mask[1:3, 5:9, 5:9] = 1
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing((1, 1, 5))
    image.SetOrigin((0, 0, 100))
    image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, up))
    before, after = str(Path("before.nii.gz").absolute()), str(Path("after.nii.gz").absolute())
    sitk.WriteImage(image, before)
    array, origin, spacing = load_itk(before, require_ori_sp=True)
    save_itk(after, array, origin, spacing)
    seen[name] = round(height(before), 3), round(height(after), 3)
    print(f"stored {name}: the organ comes from z = {seen[name][0]} to {seen[name][1]} mm")
if seen != {"from feet to head": (107.5, 107.5), "from head to feet": (92.5, 137.5)}:
    sys.exit("The behavior has changed: the organ is elsewhere.")
PY
