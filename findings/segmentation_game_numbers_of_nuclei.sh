#!/usr/bin/env bash
# A perfect result has a Jaccard index of 0.8 in the-segmentation-game if the truth skips a number.
#
# Versions: the-segmentation-game 0.2.0, scikit-learn 1.9.1, NumPy 2.2.6.
# Behavior: jaccard_index_sparse takes the rows of a confusion matrix up to the largest number of the truth. Numbers
#     that are in the result only have a row, too, in which nothing is right; the mean counts those that come before.
# Expected: 1, as the measure finds for each nucleus of the truth the best one of the result, whatever the numbers are.
# Seen: four nuclei, found exactly and numbered 1 to 4. Truth 1, 2, 3, 4: 1. Truth 10, 20, 30, 40: 0.5. Truth
#     1, 2, 3, 5 (number 4 was deleted): 0.8. Truth 1, 2, 3, 4 and a result of 10, 20, 30, 40: 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scikit-learn==1.9.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps the-segmentation-game==0.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import runpy
import sys
from importlib.metadata import distribution, version

import numpy as np

print({name: version(name) for name in ("the-segmentation-game", "scikit-learn", "numpy")})
# The module by itself: the package imports napari, which is not needed for a number.
path = distribution("the-segmentation-game").locate_file("the_segmentation_game/metrics.py")
jaccard = runpy.run_path(str(path))["jaccard_index_sparse"]


def numbered(*numbers: int) -> np.ndarray:
    mask = np.zeros((40, 40), int)
    for number, (y, x) in zip(numbers, ((2, 2), (2, 22), (22, 2), (22, 22))):
        mask[y:y + 12, x:x + 12] = number
    return mask


cases = (
    ((1, 2, 3, 4), (1, 2, 3, 4)),
    ((10, 20, 30, 40), (1, 2, 3, 4)),
    ((1, 2, 3, 5), (1, 2, 3, 4)),
    ((1, 2, 3, 4), (10, 20, 30, 40)),
)
seen = []
for truth, result in cases:
    seen.append(round(float(jaccard(numbered(*truth), numbered(*result))), 3))
    print(f"truth numbered {truth}, result numbered {result}: {seen[-1]}")
if seen != [1.0, 0.5, 0.8, 1.0]:
    sys.exit("The behavior has changed: the index is another one.")
PY
