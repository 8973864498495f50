#!/usr/bin/env bash
# pyfeats counts a zone for every gray level that is not in the image: a region of one zone has 256.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: for each of 255 gray levels the pixels that do not have it are counted as a zone of it. The sign of the
#     entropy is left out.
# Expected: zones of equal gray values only; one in a constant region, of which the entropy is 0.
# Seen: a constant region of 32 × 32 pixels. The gray level nonuniformity, 1 for a single zone, is 0.004; the entropy
#     is -7.99. High gray level emphasis, the mean square of the gray levels of the zones, is 21803, of a region of 100.
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
region = np.full((32, 32), 100)
values, names = pyfeats.glszm_features(region, np.ones((32, 32)))
seen = {name.removeprefix("GLSZM_"): float(value) for name, value in zip(names, values)}
shown = ("GrayLevelNonuniformity", "ZoneSizeEntropy", "HighGrayLevelZoneEmphasis")
print({name: round(seen[name], 4) for name in shown})
if seen[shown[0]] > 0.01 or seen[shown[1]] > -7 or seen[shown[2]] < 2 * 100**2:
    sys.exit("The behavior has changed: the features are others.")
PY
