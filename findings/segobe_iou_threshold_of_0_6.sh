#!/usr/bin/env bash
# segobe matches no cells of an IoU between 0.5 and 0.6, though its threshold is 0.5.
#
# Versions: segobe 0.1.3, NumPy 2.2.6, SciPy 1.17.1, pandas 3.1.1.
# Behavior: "match is true if pair is selected with linear_sum_assignment and IoU above this threshold". The cost of a
#     pair, 1 - IoU, is put into the matrix twice, once more for leaving nothing unmatched; leaving both cells unmatched
#     costs 2 x 0.4. So a pair is only selected from an IoU of 0.6 on, even if no other cell is near, and a lower
#     iou_threshold changes nothing. The cells count as one false positive and one false negative.
# Expected: a match from an IoU of 0.5 on, as at the threshold that is set.
# Seen: one cell, one prediction. IoU 0.65: a true positive. IoU 0.55: none, with iou_threshold 0.5 and 0.3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 pandas==3.1.1 tifffile==2026.3.3 scikit-image==0.26.0 matplotlib==3.11.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segobe==0.1.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from segobe import SegmentationEvaluator

print({name: version(name) for name in ("segobe", "numpy", "scipy", "pandas")})
truth = np.zeros((60, 60), np.int32)
truth[10:30, 10:30] = 1
seen = {}
for threshold in (0.5, 0.3):
    for columns in (20, 13, 11):
        predicted = np.zeros_like(truth)
        predicted[10:30, 10 : 10 + columns] = 1
        found = SegmentationEvaluator(truth, predicted, iou_threshold=threshold).evaluate()
        counts = [found[name] for name in ("true_positives", "false_positives", "false_negatives")]
        seen[threshold, columns / 20] = counts
        print(f"iou_threshold {threshold}, IoU {columns / 20}: TP, FP and FN {counts}")
right, wrong = [1, 0, 0], [0, 1, 1]
if seen != {(t, iou): wrong if iou == 0.55 else right for t in (0.5, 0.3) for iou in (1.0, 0.65, 0.55)}:
    sys.exit("The behavior has changed: other cells are matched.")
PY
