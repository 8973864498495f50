#!/usr/bin/env bash
# MONAI's Gaussian smoothing pulls the border of an image toward 0: air of -1000 HU becomes soft tissue.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: GaussianSmooth, RandGaussianSmooth, GaussianSharpen and SavitzkyGolaySmooth take what lies outside of the
#     image for 0. Within two or three sigma of every face the values are averaged with zeros; sharpening then
#     overshoots the other way. Neither can be told otherwise (SavitzkyGolaySmooth has a mode, "zeros" by default).
# Expected: a constant image stays constant, as with SciPy's gaussian_filter and SimpleITK's; the documentation says
#     nothing of a border.
# Seen: an image of -1000: -478 in the corners with sigma 1, -691 at the edges; sharpened -4188 in the corners. With
#     SciPy -1000 everywhere.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 scipy==1.17.1 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from monai.transforms import GaussianSharpen, GaussianSmooth, RandGaussianSmooth
from scipy.ndimage import gaussian_filter

print({name: version(name) for name in ("monai", "torch", "scipy", "numpy")})
air = torch.full((1, 32, 32), -1000.0)
augment = RandGaussianSmooth(sigma_x=(1.0, 1.0), sigma_y=(1.0, 1.0), prob=1.0)
seen = {}
for transform in (GaussianSmooth(1.0), augment, GaussianSharpen()):
    name, result = type(transform).__name__, transform(air)[0]
    seen[name] = [round(float(value)) for value in (result[0, 0], result[0, 16], result[16, 16])]
    print(f"{name}: corner, edge, middle {seen[name]}")
print("SciPy:", np.unique(gaussian_filter(air.numpy()[0], 1.0)).tolist())
smooth = seen["GaussianSmooth"] == seen["RandGaussianSmooth"] == [-478, -691, -1000]
if not smooth or not seen["GaussianSharpen"][0] < -4000:
    sys.exit("The behavior has changed: the border is another.")
PY
