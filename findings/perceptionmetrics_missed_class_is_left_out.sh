#!/usr/bin/env bash
# A class of which nothing is right has F1 NaN in perceptionmetrics, and the mean is higher without it.
#
# Versions: perceptionmetrics 3.1.0, pandas 2.3.3, NumPy 2.2.6.
# Behavior: F1 is computed from precision and recall. If both are 0, or nothing was predicted, it is 0 / 0, NaN, while
#     the class is in the truth. Means leave NaN out: who misses a class is better than who finds a little of it. Dice,
#     which is the same number, is 0 there and is counted.
# Expected: F1 equal to Dice, and 0 for a class that is in the truth and was missed.
# Seen: three classes. The last one missed: Dice 0.33, 0.86, 0, mean 0.40; F1 0.33, 0.86, NaN, mean 0.60. Predicted
#     elsewhere: mean Dice 0.44, mean F1 0.67. A third of it found: both 0.59.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps perceptionmetrics==3.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from perceptionmetrics.utils.segmentation_metrics import SegmentationMetricsFactory

print({name: version(name) for name in ("perceptionmetrics", "pandas", "numpy")})
truth = np.array([[0, 0, 1, 1, 1, 2, 2, 2]])
missed = np.array([[0, 1, 1, 1, 1, 0, 0, 0]])
elsewhere = np.array([[2, 0, 1, 1, 1, 0, 0, 0]])
partly = np.array([[0, 1, 1, 1, 1, 0, 0, 2]])
seen = {}
for name, prediction in (("missed", missed), ("predicted elsewhere", elsewhere), ("found by a third", partly)):
    metrics = SegmentationMetricsFactory(4)
    metrics.update(prediction, truth)
    for metric in ("dice_score", "f1_score"):
        values = [round(float(value), 2) for value in metrics.get_metric_per_name(metric)]
        seen[name, metric] = str(values), round(float(metrics.get_averaged_metric(metric, "macro")), 2)
        print(f"the third class {name}, {metric}: {values}, mean {seen[name, metric][1]}")
expected = {
    ("missed", "dice_score"): ("[0.33, 0.86, 0.0, nan]", 0.4),
    ("missed", "f1_score"): ("[0.33, 0.86, nan, nan]", 0.6),
    ("predicted elsewhere", "dice_score"): ("[0.33, 1.0, 0.0, nan]", 0.44),
    ("predicted elsewhere", "f1_score"): ("[0.33, 1.0, nan, nan]", 0.67),
    ("found by a third", "dice_score"): ("[0.4, 0.86, 0.5, nan]", 0.59),
    ("found by a third", "f1_score"): ("[0.4, 0.86, 0.5, nan]", 0.59),
}
if seen != expected:
    sys.exit("The behavior has changed: the scores are others.")
PY
