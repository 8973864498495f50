#!/usr/bin/env bash
# ITKIT merges binary masks of 0 and 255 into an empty mask.
#
# Versions: itkit 4.0.0, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: merge_masks, to "merge all class-wise binary masks into a single multi-class mask", copies the voxels that
#     are exactly 1. Binary masks as most drawing programs, OpenCV and many DICOM converters write them are 0 and 255;
#     of these nothing is copied, without a word. A class whose mask is 0 and 255 among masks of 0 and 1 is missing.
# Expected: a voxel of class n where mask n is not 0, or an error.
# Seen: two organs of 96 and 64 voxels. Masks of 0 and 1: classes 1 and 2 have 96 and 64 voxels. Of 0 and 255: none.
#     The second one of 0 and 255: 96 and none.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps itkit==4.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from itkit.io.sitk_toolkit import merge_masks

print({name: version(name) for name in ("itkit", "SimpleITK", "numpy")})
organs = np.zeros((2, 4, 8, 8), np.uint8)
organs[0, :, 1:4] = 1
organs[1, :, 5:7] = 1
seen = {}
for values in ((1, 1), (255, 255), (1, 255)):
    masks = [sitk.GetImageFromArray(organ * np.uint8(value)) for organ, value in zip(organs, values, strict=True)]
    merged = sitk.GetArrayFromImage(merge_masks(masks))
    seen[values] = [int((merged == number).sum()) for number in (1, 2)]
    print(f"organs of {organs[0].sum()} and {organs[1].sum()} voxels, written as {values}: classes of {seen[values]}")
if seen != {(1, 1): [96, 64], (255, 255): [0, 0], (1, 255): [96, 0]}:
    sys.exit("The behavior has changed: the classes have other voxels.")
PY
