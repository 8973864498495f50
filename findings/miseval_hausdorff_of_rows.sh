#!/usr/bin/env bash
# miseval's Hausdorff distance of an object that lies 20 pixels too low is 0: it compares rows of numbers, not places.
#
# Versions: miseval 1.3.0, hausdorff 0.2.6, NumPy 2.4.6, SciPy 1.17.1, numba 0.68.1.
# Behavior: "HD" hands both masks to a function of another package that takes a list of points, one in each row. So
#     every row of a mask is a point with as many coordinates as the mask has columns, and the order of the rows does
#     not count. Neither does the class that is asked for.
# Expected: 20, the distance between the two sets of pixels.
# Seen: a square of 10 x 10 pixels, moved by 20 pixels: 0.0 downwards and 3.16 to the right; nothing predicted: 3.16.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 scikit-learn==1.9.1 numba==0.68.1 hausdorff==0.2.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dictances==1.5.3 miseval==1.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from miseval import evaluate
from scipy.spatial.distance import directed_hausdorff

print({name: version(name) for name in ("miseval", "hausdorff", "numpy", "scipy", "numba")})
truth = np.zeros((64, 64), int)
truth[10:20, 10:20] = 1
predictions = {
    "20 pixels too low": np.roll(truth, 20, axis=0),
    "20 pixels too far right": np.roll(truth, 20, axis=1),
    "nothing": np.zeros_like(truth),
}
seen = {}
for name, prediction in predictions.items():
    seen[name] = round(float(evaluate(truth, prediction, metric="HD")), 2)
    places = np.argwhere(truth), np.argwhere(prediction)
    both = [directed_hausdorff(*pair)[0] for pair in (places, places[::-1])] if prediction.any() else [np.nan]
    print(f"{name}: HD {seen[name]}, between the pixels {max(both)}")
if list(seen.values()) != [0.0, 3.16, 3.16]:
    sys.exit("The behavior has changed: the distances are others.")
PY
