#!/usr/bin/env bash
# segmentationmetrics takes probabilities in float32 for the numbers of labels; in float64 it thresholds them.
#
# Versions: segmentationmetrics 1.2.0, NumPy 2.4.6, SciPy 1.17.1, pandas 3.1.1.
# Behavior: predictions between 0 and 1 become masks (above 0.5) if their type equals "float", which in NumPy is float64
#     only. In float32, the type of every network's output, each value is a label of its own, with a Dice score of its
#     own, and the scores are averaged. An error comes only beyond ten different values. The mean of a few masks has
#     fewer, and so has a prediction that was rounded.
# Expected: the same scores for the same values.
# Seen: the mean of three annotators' masks, whose majority is the ground truth: Dice 1.0 and 0.60 mL in float64, 0.30
#     and 0.72 mL in float32, where the labels are 1/3, 2/3 and 1; HD95 0 and NaN.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 absl-py==2.3.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segmentationmetrics==1.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from segmentationmetrics import SegmentationMetrics

print({name: version(name) for name in ("segmentationmetrics", "numpy", "scipy", "pandas")})
truth = np.zeros((10, 20, 20), np.uint8)
truth[2:8, 5:15, 5:15] = 1
annotators = np.stack([np.roll(truth, shift, axis=2) for shift in (-1, 0, 1)])
seen = {}
for kind in (np.float64, np.float32):
    found = SegmentationMetrics(annotators.mean(axis=0, dtype=kind), truth, (1.0, 1.0, 1.0))
    values = found.dice, found.predicted_volume, found.hausdorff_distance
    seen[kind.__name__] = [str(round(float(value), 2)) for value in values]
    print(f"{kind.__name__}: Dice, volume in mL, HD95: {seen[kind.__name__]}; labels {found.labels}")
if seen != {"float64": ["1.0", "0.6", "0.0"], "float32": ["0.3", "0.72", "nan"]}:
    sys.exit("The behavior has changed: the scores are others.")
PY
