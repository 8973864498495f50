#!/usr/bin/env bash
# The bootstrap of grand-challenge-metrics, once evalutils, never draws the last case: the interval does not know it.
#
# Versions: grand-challenge-metrics 0.6.0, scikit-learn 1.9.1, NumPy 2.3.5.
# Behavior: get_bootstrapped_roc_ci_curves draws n of n cases by randint(0, n - 1), whose upper bound is not included.
#     The numbers that can be drawn are 0 to n - 2. get_bootstrapped_ci_point_error draws in the same way.
# Expected: every case is drawn with the same chance.
# Seen: of 10 lesions and 10 healthy cases one healthy case has the highest score, so the area under the curve is 0.9.
#     As the first case it gives an interval from 0.62 to 1.0, as the last one from 1.0 to 1.0.
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
from grand_challenge_metrics.roc import get_bootstrapped_roc_ci_curves
from sklearn.metrics import roc_auc_score

print({name: version(name) for name in ("grand-challenge-metrics", "scikit-learn", "numpy")})
lesion = np.array([0] + [1] * 10 + [0] * 9)
score = np.concatenate([[0.99], np.linspace(0.6, 0.9, 10), np.linspace(0.1, 0.4, 9)])
seen = {}
for name, order in (("first", np.arange(20)), ("last", np.roll(np.arange(20), -1))):
    curves = get_bootstrapped_roc_ci_curves(score[order], lesion[order], num_bootstraps=1000)
    area = roc_auc_score(lesion[order], score[order])
    seen[name] = round(float(curves.low_az_val), 2), round(float(curves.high_az_val), 2)
    print(f"the false case is the {name} one: area {area:.2f}, interval {seen[name]}")
if seen["last"] != (1.0, 1.0) or seen["first"][0] > 0.9:
    sys.exit("The behavior has changed: the intervals are others.")
PY
