#!/usr/bin/env bash
# imea counts one erosion too many, and erodes with a cross, whatever structuring element is given.
#
# Versions: imea 0.3.5, scikit-image 0.25.2, NumPy 2.2.6.
# Behavior: what is counted is the number of images, that before the first erosion included. The argument selem, a
#     documented one, is not used.
# Expected: the number of erosions that are necessary to erase the object, as its name says, with the element given.
# Seen: squares with sides of 1, 3 and 7 pixels have 2, 3 and 5 instead of 1, 2 and 4; with an element of 7 × 7 pixels,
#     which erases the largest at once, 2, 3 and 5 as well; nothing has 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    opencv-python-headless==4.11.0.86 pandas==2.3.3 matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps imea==0.3.5
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from imea.measure_2d.meso import erosions_till_erase
from skimage.morphology import binary_erosion

print({name: version(name) for name in ("imea", "scikit-image", "numpy")})


def needed(mask: np.ndarray, element: np.ndarray | None) -> int:
    count = 0
    mask = np.pad(mask, 4)
    while mask.any():
        mask, count = binary_erosion(mask, element), count + 1
    return count


square = np.ones((7, 7), bool)
seen = {}
for side in (1, 3, 7):
    mask = np.zeros((20, 20), bool)
    mask[5 : 5 + side, 5 : 5 + side] = True
    seen[side] = [int(erosions_till_erase(mask)), int(erosions_till_erase(mask, selem=square))]
    print(f"side {side}: {seen[side][0]} instead of {needed(mask, None)};", end=" ")
    print(f"with 7 x 7 {seen[side][1]} instead of {needed(mask, square)}")
empty = int(erosions_till_erase(np.zeros((20, 20), bool)))
print("nothing:", empty)
if seen != {1: [2, 2], 3: [3, 3], 7: [5, 5]} or empty:
    sys.exit("The behavior has changed: the numbers are others.")
PY
