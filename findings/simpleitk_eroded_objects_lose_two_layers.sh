#!/usr/bin/env bash
# ErodeObjectMorphology of SimpleITK takes two layers away with radius 1, and from a wall of four voxels all.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: each voxel at the border of the object sets its whole neighborhood to background, itself and those further
#     in. One layer is gone as the border and another as its neighborhood. DilateObjectMorphology adds one layer.
# Expected: what BinaryErode does with the same kernel and radius.
# Seen: a box of 10 x 10 x 10 voxels, radius 1, kernel "box": BinaryErode leaves 512, ErodeObjectMorphology 216;
#     radius 2: 216 and 64. Dilated with radius 1 by both: 1728. A wall of 4 voxels: BinaryErode leaves 2 of them,
#     ErodeObjectMorphology none.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "numpy")})
box = np.zeros((24, 24, 24), np.uint8)
box[7:17, 7:17, 7:17] = 1
wall = np.zeros((24, 24, 24), np.uint8)
wall[:, 10:14] = 1
seen = {}
for name, mask, radius in (("box", box, 1), ("box", box, 2), ("wall", wall, 1)):
    image, settings = sitk.GetImageFromArray(mask), ([radius] * 3, sitk.sitkBox)
    results = [
        sitk.BinaryErode(image, *settings), sitk.ErodeObjectMorphology(image, *settings),
        sitk.BinaryDilate(image, *settings), sitk.DilateObjectMorphology(image, *settings),
    ]
    seen[name, radius] = [int(sitk.GetArrayFromImage(result).sum()) for result in results]
    print(f"{name} of {int(mask.sum())} voxels, radius {radius}: BinaryErode, ErodeObjectMorphology, BinaryDilate, "
          f"DilateObjectMorphology leave {seen[name, radius]}")
expected = {("box", 1): [512, 216, 1728, 1728], ("box", 2): [216, 64, 2744, 2744], ("wall", 1): [1152, 0, 3456, 3456]}
if seen != expected:
    sys.exit("The behavior has changed: other voxels are left.")
PY
