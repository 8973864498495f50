#!/usr/bin/env bash
# pyfeats' coefficient of variation has the root of the median where the standard deviation belongs.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the root of the third feature, the median, is divided by the mean, instead of that of the second one, the
#     variance. The feature falls with the brightness, and hardly depends on the spread.
# Expected: standard deviation divided by mean: 0 for a constant region.
# Seen: constant regions of 25, 100 and 225 have 0.20, 0.10 and 0.07. Regions with a mean of 100 and deviations of 2 and
#     40 have 0.10 both, where it is 0.02 and 0.40.
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
random = np.random.default_rng(0)
mask = np.ones((64, 64))
seen = {}
for brightness in (25, 100, 225):
    values, names = pyfeats.fos(np.full((64, 64), float(brightness)), mask)
    seen[brightness] = float(values[names.index("FOS_CoefficientOfVariation")])
    print(f"constant {brightness}: {seen[brightness]:.3f}")
spread = {}
for deviation in (2, 40):
    image = np.clip(np.round(random.normal(100, deviation, (64, 64))), 0, 255)
    values, names = pyfeats.fos(image, mask)
    spread[deviation] = float(values[names.index("FOS_CoefficientOfVariation")])
    print(f"deviation {deviation}: {spread[deviation]:.3f} instead of {image.std() / image.mean():.3f}")
told = [*seen.values(), *spread.values()]
if not np.allclose(told, (0.2, 0.1, 0.067, 0.1, 0.1), atol=0.003):
    sys.exit("The behavior has changed: the coefficients are others.")
PY
