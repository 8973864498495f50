#!/usr/bin/env bash
# A perfect result has a MAGE of 0 in segsuite if vessels are one to four pixels wide, or six.
#
# Versions: segsuite 0.1.0, PyTorch 2.13.0, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: both masks are eroded by the quartiles of the depth of the truth. In thin objects a quarter of the pixels
#     has the largest depth there is, so nothing is left of either mask, and two empty masks count as a Dice of 0,
#     which makes the harmonic mean 0.
# Expected: 1, as of all other scores of compute_metrics.
# Seen: a straight vessel compared with itself: 0 at widths of 1, 2, 3, 4 and 6 pixels, 1 at 5, 7, 8, 9 and 10. All
#     other scores are 1 at every width.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.2.6 scipy==1.15.3 \
    opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segsuite==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from segsuite.metrics import compute_metrics

print({name: version(name) for name in ("segsuite", "torch", "scipy", "numpy")})
seen = {}
for width in range(1, 11):
    vessel = np.zeros((64, 64))
    vessel[10:50, 20 : 20 + width] = 1
    scores = {name: round(float(score), 3) for name, score in compute_metrics(vessel, vessel).items()}
    seen[width] = scores.pop("MAGE")
    print(f"{width} pixels wide: MAGE {seen[width]}, the others {sorted(set(scores.values()))}")
if [width for width, score in seen.items() if score != 1] != [1, 2, 3, 4, 6] or seen[1] != 0:
    sys.exit("The behavior has changed: the scores are others.")
PY
