#!/usr/bin/env bash
# mrid crops an image twice if one axis is to be longer and another one shorter: 12 × 12 instead of 12 × 16.
#
# Versions: mrid-python 0.1.8, PyTorch 2.13.0, NumPy 2.2.6.
# Behavior: pad_to_shape with crop=True hands the negative paddings to PyTorch, which crops by them, and then crops by
#     them again. If no axis is to be longer, only the second step is done, and the shape is right.
# Expected: the shape that was asked for, as the function is named after it.
# Seen: 10 × 20 pixels to 12 × 16: 12 × 12, without a message; a lesion in the second column of what was to be kept
#     is gone. 14 × 20 to 12 × 16 is 12 × 16.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7 torch==2.13.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mrid-python==0.1.8
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from mrid.training.padding import pad_to_shape

print({name: version(name) for name in ("mrid-python", "torch", "numpy")})
wanted = (12, 16)
seen = {}
for shape in ((10, 20), (14, 20)):
    image = torch.zeros(shape)
    image[5, 3] = 1
    result = pad_to_shape(image, wanted, value=0, crop=True)
    seen[shape] = tuple(result.shape)
    print(f"{shape} to {wanted}: {seen[shape]}, pixels of the lesion {int(result.sum())} of {int(image.sum())}")
if seen != {(10, 20): (12, 12), (14, 20): (12, 16)}:
    sys.exit("The behavior has changed: the shapes are others.")
PY
