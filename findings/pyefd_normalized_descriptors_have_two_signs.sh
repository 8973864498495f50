#!/usr/bin/env bash
# pyefd's normalized descriptors of one cell have two signs, depending on how the cell lies and where its contour begins.
#
# Versions: pyefd 1.8.0, NumPy 2.4.6.
# Behavior: after normalization the first coefficient is 1 or -1, and the odd harmonics change sign with it. A cell that
#     is turned by 180 degrees, or whose contour begins on its other side, gets the other sign; turned by 180 degrees
#     also the even harmonics do.
# Expected: descriptors that are "rotation and size-invariant", with a first coefficient of 1 that can be left out, as
#     the description of the package has it.
# Seen: one outline, turned by 0, 90, 180 and 270 degrees, with four starting points each: 16 contours of the same cell
#     have four different descriptors; the first coefficient is -1 in 8 of them. In absolute values all are equal.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pyefd==1.8.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pyefd import elliptic_fourier_descriptors

print({name: version(name) for name in ("pyefd", "numpy")})
angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
radius = 1 + 0.3 * np.cos(2 * angle) + 0.15 * np.sin(3 * angle) + 0.1 * np.cos(angle)
cell = np.stack([1.5 * radius * np.cos(angle), radius * np.sin(angle)], 1)
found = []
for turn in (0, 90, 180, 270):
    cosine, sine = round(np.cos(np.radians(turn))), round(np.sin(np.radians(turn)))
    turned = cell @ np.array([[cosine, sine], [-sine, cosine]])
    descriptors = [
        elliptic_fourier_descriptors(np.roll(turned, start, axis=0), order=4, normalize=True)
        for start in (0, 100, 200, 300)
    ]
    found += descriptors
    print(f"turned by {turn} degrees: first coefficients {[round(float(one[0, 0]), 3) for one in descriptors]}")
negative = sum(one[0, 0] < 0 for one in found)
different = len({tuple(one.round(3).ravel() + 0.0) for one in found})
absolute = len({tuple(np.abs(one).round(3).ravel()) for one in found})
print(f"16 contours of one cell: {negative} with -1, {different} different descriptors, {absolute} in absolute values")
if (different, absolute) != (4, 1) or not 0 < negative < 16:
    sys.exit("The behavior has changed: the descriptors are others.")
PY
