#!/usr/bin/env bash
# torch-contour draws a contour with rows first and samples features along it with columns first: the features of an
# object are those of another place.
#
# Versions: torch-contour 1.4.5, PyTorch 2.13.0, Numba 0.68.1, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: nodes are called (x, y) throughout. For masks, distance maps and drawn contours the first coordinate is the
#     row; sample_features_on_contour takes it for the column.
# Expected: nodes inside of a mask have the mask's value, with one convention in one package.
# Seen: the mask of a circle around (0.25, 0.7) in an image of 100 x 100 has its middle in row 25, column 70. Sampled at
#     nodes inside of it, it is 0 everywhere, and 1 if the mask is transposed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 numba==0.68.1 torch-contour==1.4.5
cd "$work"
NUMBA_CACHE_DIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import math
import sys
from importlib.metadata import version

import torch
from torch_contour import ContourToMask, sample_features_on_contour

print({name: version(name) for name in ("torch-contour", "torch", "numba", "scipy", "numpy")})
angle = torch.arange(100) * (2 * math.pi / 100)


def circle(radius: float) -> torch.Tensor:
    return torch.stack([0.25 + radius * torch.cos(angle), 0.7 + radius * torch.sin(angle)], -1)[None, None]


mask = ContourToMask(100)(circle(0.15))
middle = torch.argwhere(mask[0, 0] > 0.5).float().mean(0).round().int().tolist()
inside = round(float(sample_features_on_contour(mask, circle(0.1)).mean()), 2)
transposed = round(float(sample_features_on_contour(mask.mT, circle(0.1)).mean()), 2)
print(f"middle of the mask: row {middle[0]}, column {middle[1]}")
print(f"mask at nodes inside of it: {inside}, transposed mask: {transposed}")
if (middle, inside, transposed) != ([25, 70], 0.0, 1.0):
    sys.exit("The behavior has changed: the features are those of another place.")
PY
