#!/usr/bin/env bash
# pyfeats' Hurst coefficients add up all shorter distances: that of a ramp is 0.62 instead of 1.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the sums of the differences are not set back to 0 for the next distance. What belongs to a distance of 3 is
#     the mean over the distances 1, 2 and 3.
# Expected: the slope of the logarithm of the mean difference against that of the distance. In a ramp differences are
#     proportional to the distance, and the slope is 1.
# Seen: a ramp of 64 × 64 pixels has coefficients of 0.62, 0.62, 0.60 and 0.57 in its four resolutions; the fractal
#     dimension, 3 minus the coefficient, is 2.38 of a plane.
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
rows, columns = np.mgrid[:64, :64]
ramp = (rows + columns).astype(float)
coefficients, names = pyfeats.fdta(ramp, np.ones((64, 64)), s=3)
print({name: round(float(value), 3) for name, value in zip(names, coefficients)})
distances = np.arange(1, 4)
means = [np.mean([np.abs(ramp[k:] - ramp[:-k]).mean(), np.abs(ramp[:, k:] - ramp[:, :-k]).mean()]) for k in distances]
slope = float(np.polyfit(np.log(distances), np.log(means), 1)[0])
print(f"slope of the mean differences: {slope:.3f}; dimension with pyfeats: {3 - coefficients[0]:.2f}")
if not np.isclose(slope, 1) or not 0.55 < coefficients[0] < 0.65:
    sys.exit("The behavior has changed: the coefficients are others.")
PY
