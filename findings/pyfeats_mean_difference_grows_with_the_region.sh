#!/usr/bin/env bash
# pyfeats' features of gray level differences grow with the region, and its entropy is below zero.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the histogram of the differences is used as it is, as numbers of pixels, where the features are defined by
#     shares.
# Expected: mean and contrast of the differences of neighbors, whatever the size of the region, and an entropy of 0 or
#     more.
# Seen: one texture, with gray values of 40 to 59, in lesions of 16 × 16 and 32 × 32 pixels. The mean of the differences
#     is 1632 and 6603, where neighbors differ by 6.4 and 6.6 on average; the entropy is -713 and -4233.
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
image = np.random.default_rng(0).integers(40, 60, (64, 64)).astype(float)
seen = {}
for size in (16, 32):
    mask = np.zeros((64, 64))
    mask[:size, :size] = 1
    values, names = pyfeats.glds_features(image, mask)
    seen[size] = {name: float(value) for name, value in zip(names, values)}
    window = image[: size + 1, : size + 1]
    true = np.mean([np.abs(np.diff(window[:, :-1], axis=0)).mean(), np.abs(np.diff(window[:-1], axis=1)).mean()])
    print(f"{size} x {size}: mean {seen[size]['GLDS_Mean']:.0f}, neighbors differ by {true:.1f};", end=" ")
    print(f"contrast {seen[size]['GLDS_Contrast']:.0f}, entropy {seen[size]['GLDS_Entopy']:.0f}")
ratio = seen[32]["GLDS_Mean"] / seen[16]["GLDS_Mean"]
if not 3.5 < ratio < 4.5 or max(item["GLDS_Entopy"] for item in seen.values()) > 0:
    sys.exit("The behavior has changed: the features are others.")
PY
