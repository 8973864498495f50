#!/usr/bin/env bash
# ensemble-boxes gives a nodule that one of two models found the score of one that both found, if weights sum to 1.
#
# Versions: ensemble-boxes 1.0.9, NumPy 2.2.6, Numba 0.61.2.
# Behavior: weighted_boxes_fusion_3d compares the number of boxes that were fused with the sum of the weights, as if
#     that were the number of models. With weights of 0.5 and 0.5 one box is enough to reach it. The function for 2D
#     compares with the number of models.
# Expected: scores that do not depend on the scale of the weights: 0.9 for a nodule that both of two equal models found
#     with 0.9, and 0.45 for one that only one of them found.
# Seen: with weights 1 and 1 that is so. With 0.5 and 0.5 it is 0.45 for both, with 0.3 and 0.7 0.45 and 0.27 instead
#     of 0.9 and 0.27. In 2D it is right in all three cases.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 numba==0.61.2 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ensemble-boxes==1.0.9
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from ensemble_boxes import weighted_boxes_fusion, weighted_boxes_fusion_3d

print({name: version(name) for name in ("ensemble-boxes", "numpy", "numba")})
fuse = {2: weighted_boxes_fusion, 3: weighted_boxes_fusion_3d}
seen = {}
for weights in ((1, 1), (0.5, 0.5), (0.3, 0.7)):
    for axes, function in fuse.items():
        both, one = [0.1] * axes + [0.3] * axes, [0.6] * axes + [0.8] * axes
        boxes, scores, _ = function([[both, one], [both]], [[0.9, 0.9], [0.9]], [[0, 0], [0]], weights=list(weights))
        by_place = {round(float(box[0]), 1): round(float(score), 2) for box, score in zip(boxes, scores)}
        seen[weights, axes] = by_place[0.1], by_place[0.6]
        print(f"{axes}D, weights {weights}: found by both {by_place[0.1]}, by the first {by_place[0.6]}")
right = {(1, 1): (0.9, 0.45), (0.5, 0.5): (0.9, 0.45), (0.3, 0.7): (0.9, 0.27)}
wrong = {(1, 1): (0.9, 0.45), (0.5, 0.5): (0.45, 0.45), (0.3, 0.7): (0.45, 0.27)}
if seen != {(weights, axes): (right if axes == 2 else wrong)[weights] for weights in right for axes in (2, 3)}:
    sys.exit("The behavior has changed: the scores are others.")
PY
