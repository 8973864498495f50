#!/usr/bin/env bash
# SimpleITK's Shrink by an even factor moves what is in the image by half a voxel of the original.
#
# Versions: SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: a voxel of the result lies in the middle of those that it stands for, between two of them if the factor is
#     even. Its value is that of the next voxel, half a voxel further. With an odd factor there is a voxel in the
#     middle, and nothing moves. BinShrink, which averages, keeps values in their place.
# Expected: values at the places where they were ("The physical centers of the input and output will be the same").
# Seen: an image whose values are the places of its slices in mm, 5 mm apart, after Shrink by 2, 3 and 4. Values less
#     places: 2.5, 0.0 and 2.5 mm. After BinShrink: 0.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("SimpleITK", "numpy")})
places = 5.0 * np.arange(24)
image = sitk.GetImageFromArray(np.broadcast_to(places[:, None, None], (24, 12, 12)).astype(np.float32))
image.SetSpacing((1, 1, 5))
seen = {}
for factor in (2, 3, 4):
    for name, function in (("Shrink", sitk.Shrink), ("BinShrink", sitk.BinShrink)):
        small = function(image, (1, 1, factor))
        values = sitk.GetArrayFromImage(small)[:, 0, 0]
        there = [small.TransformIndexToPhysicalPoint((0, 0, k))[2] for k in range(small.GetSize()[2])]
        seen[name, factor] = sorted(set((values - there).round(2).tolist()))
        print(f"{name} by {factor}: {small.GetSize()[2]} slices, values less places {seen[name, factor]} mm")
expected = {("Shrink", 2): [2.5], ("Shrink", 3): [0.0], ("Shrink", 4): [2.5]}
if seen != expected | {("BinShrink", factor): [0.0] for factor in (2, 3, 4)}:
    sys.exit("The behavior has changed: the values are elsewhere.")
PY
