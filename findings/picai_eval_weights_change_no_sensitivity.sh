#!/usr/bin/env bash
# picai_eval's sample weights change the average precision and leave the lesions' sensitivity and false positives alone.
#
# Versions: picai_eval 1.4.13, scikit-learn 1.9.1, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: evaluate(sample_weight=...) hands the weights to the precision-recall curve and the ROC curve. lesion_TPR,
#     lesion_FPR and lesion_TPR_at_FPR, from which FROC curves are drawn, count every lesion and case once. A case that
#     has weight 0 is still missed.
# Expected: weights "will also be applied to the lesion-level evaluation"; a case of weight 0 counts nowhere.
# Seen: four cases, of which the third has a lesion that was missed. Weight of the third case 1, 0 and 100: average
#     precision 0.67, 1.0 and 0.02; sensitivity at one false positive per case 0.67 three times.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 simpleitk==2.5.7 tqdm==4.70.1 packaging==26.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps picai-eval==1.4.13
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from picai_eval import evaluate

print({name: version(name) for name in ("picai_eval", "scikit-learn", "scipy", "numpy")})


def case(*boxes: tuple[int, int, float]) -> np.ndarray:
    volume = np.zeros((8, 40, 40), np.float32)
    for row, column, value in boxes:
        volume[2:5, row : row + 5, column : column + 5] = value
    return volume


truth = [case((5, 5, 1)).astype(int)] * 3 + [case().astype(int)]
detected = [case((5, 5, 0.9)), case((5, 5, 0.8)), case((25, 25, 0.7)), case((20, 20, 0.3))]
seen = {}
for weight in (1, 0, 100):
    found = evaluate(detected, truth, sample_weight=[1, 1, weight, 1], num_parallel_calls=1)
    seen[weight] = [round(float(value), 2) for value in (found.AP, found.lesion_TPR_at_FPR(1))]
    print(f"weight of the third case {weight}: average precision {seen[weight][0]}, sensitivity {seen[weight][1]}")
if seen != {1: [0.67, 0.67], 0: [1.0, 0.67], 100: [0.02, 0.67]}:
    sys.exit("The behavior has changed: the weights count otherwise.")
PY
