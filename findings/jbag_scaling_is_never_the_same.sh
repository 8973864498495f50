#!/usr/bin/env bash
# jbag scales the axes of a volume by different factors if they are to be scaled alike, and alike if they are not.
#
# Versions: jbag 4.6.3, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: SpatialTransform draws one factor for each axis where p_synchronize_scaling_across_axes decides that there
#     be one for all, and the other way round. With its default, 1, the factors are different ones: organs are
#     stretched.
# Expected: with 1 the same factor along all axes, with 0 different ones.
# Seen: a square of 20 x 20 pixels, scaled 20 times. With 1 it is 20 x 18, 16 x 20, 16 x 16 and 16 x 26 at first; with 0
#     it is a square each time.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    pandas==3.1.1 openpyxl==3.1.5 python-docx==1.2.0 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps jbag==4.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from jbag.transforms import SpatialTransform

print({name: version(name) for name in ("jbag", "torch", "numpy")})
square = torch.zeros(1, 40, 40)
square[:, 10:30, 10:30] = 1
seen = {}
for probability in (1, 0):
    np.random.seed(0)
    transform = SpatialTransform(["label"], 1, p_scaling=1, p_synchronize_scaling_across_axes=probability)
    sizes = []
    for _ in range(20):
        scaled = transform({"label": square.clone()})["label"][0]
        sizes.append((int(scaled.any(1).sum()), int(scaled.any(0).sum())))
    seen[probability] = sizes
    print(f"p_synchronize_scaling_across_axes={probability}: 20 x 20 pixels become {sizes[:4]} ...")
if seen[1][:4] != [(20, 18), (16, 20), (16, 16), (16, 26)] or any(rows != columns for rows, columns in seen[0]):
    sys.exit("The behavior has changed: the axes are scaled otherwise.")
PY
