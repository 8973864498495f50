#!/usr/bin/env bash
# grand-challenge-metrics, once evalutils, rounds accuracies down: every one that is not 1 is 0.
#
# Versions: grand-challenge-metrics 0.6.0, scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.3.5.
# Behavior: accuracies_from_confusion_matrix divides the right pixels of each class by all pixels with //, the division
#     that leaves out the fraction. Its neighbors for Dice and Jaccard divide with /.
# Expected: the share of pixels that are right for each class, as the docstring has it: accuracy scores for all classes.
# Seen: 3 pixels of 10000 are wrong: accuracies of 0.9998, 0.9997 and 0.9999 are 0, as where all pixels are wrong.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 scipy==1.17.1 scikit-learn==1.9.1 grand-challenge-metrics==0.6.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from grand_challenge_metrics import stats
from sklearn.metrics import accuracy_score

print({name: version(name) for name in ("grand-challenge-metrics", "scikit-learn", "scipy", "numpy")})
truth = np.zeros((100, 100), int)
truth[20:60, 20:60], truth[30:40, 30:40] = 1, 2
good = truth.copy()
good[0, :2], good[30, 30] = 1, 1
wrong = (truth + 1) % 3
seen = {}
for name, prediction in (("equal", truth), ("3 of 10000 wrong", good), ("all wrong", wrong)):
    matrix = stats.calculate_confusion_matrix(truth, prediction, [0, 1, 2])
    seen[name] = stats.accuracies_from_confusion_matrix(matrix).tolist()
    shares = [accuracy_score(truth.ravel() == label, prediction.ravel() == label) for label in (0, 1, 2)]
    dice = stats.dice_from_confusion_matrix(matrix).round(4).tolist()
    print(f"{name}: accuracies {seen[name]}, scikit-learn {[round(share, 4) for share in shares]}, Dice {dice}")
if seen != {"equal": [1.0] * 3, "3 of 10000 wrong": [0.0] * 3, "all wrong": [0.0] * 3}:
    sys.exit("The behavior has changed: the accuracies are others.")
PY
