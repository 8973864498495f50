#!/usr/bin/env bash
# pyfeats' length and width of a region are 0 unless it touches the first row and the first column of the image.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the first row with a pixel of the region is looked for only while none is known, and is set to row 0 before.
#     The first row without a pixel is taken for the end of the region; it is row 0, too.
# Expected: the same lengths wherever the region lies.
# Seen: a lesion of 20 × 30 pixels. At the corner of the image its lengths are 20 and 30, in the middle 0 and 0, below
#     the middle of the upper border 20 and 0; its area is 600 in all three.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    opencv-python-headless==4.11.0.86 matplotlib==3.10.8 mahotas==1.4.18 PyWavelets==1.8.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pyfeats==1.0.1
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pyfeats

print({name: version(name) for name in ("pyfeats", "numpy")})
seen = {}
for name, top, left in (("corner", 0, 0), ("middle", 20, 15), ("upper border", 0, 15)):
    mask = np.zeros((64, 64))
    mask[top : top + 20, left : left + 30] = 1
    inner = np.zeros_like(mask)
    inner[top + 1 : top + 19, left + 1 : left + 29] = 1
    values, names = pyfeats.shape_parameters(np.zeros((64, 64)), mask, mask - inner)
    seen[name] = [float(value) for value in values[:3]]
    print(f"{name}:", dict(zip(names[:3], seen[name])))
if list(seen.values()) != [[20, 30, 600], [0, 0, 600], [20, 0, 600]]:
    sys.exit("The behavior has changed: the lengths are others.")
PY
