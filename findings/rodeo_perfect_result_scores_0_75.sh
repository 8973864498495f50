#!/usr/bin/env bash
# RoDeO gives a perfect detection of pathologies 0.75 if every class is in every image and two of them have one box.
#
# Versions: rodeometric 0.0.1, scikit-learn 1.3.2, SciPy 1.12.0, NumPy 1.26.4.
# Behavior: boxes are matched by place and class; how much the class counts is computed from the data, as the
#     correlation of the classes found in each image with those that are there. If all of them are everywhere that
#     correlation does not exist, 0 is taken for it, and classes do not count. Boxes in one place are then matched in the
#     order in which they are listed.
# Expected: 1 for a perfect result, in any order, and a score of some images that does not depend on another one.
# Seen: 20 chest films with three findings each, of which two have the same box, found perfectly: 1.0 if they are listed
#     in the order of the truth, 0.75 if half of them are listed the other way round. One more image with one finding,
#     found as well, and it is 1.0 again. With class_weight_matching=1 it is always 1.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.12.0 scikit-learn==1.3.2 rodeometric==0.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from rodeo import RoDeO

print({name: version(name) for name in ("rodeometric", "scikit-learn", "scipy", "numpy")})
boxes = np.array([[10, 10, 20, 20, 0], [10, 10, 20, 20, 1], [60, 60, 20, 20, 2]], float)
truth = [boxes] * 20
swapped = [boxes, boxes[[1, 0, 2]]] * 10
one_more = [boxes[:1]]


def total(predicted: list, true: list, **settings) -> float:
    metric = RoDeO(["effusion", "atelectasis", "nodule"], **settings)
    metric.add(predicted, true)
    return round(float(metric.compute()["RoDeO/total"]), 2)


seen = {
    "in the order of the truth": total(truth, truth),
    "half in another order": total(swapped, truth),
    "half in another order, and one more image": total(swapped + one_more, truth + one_more),
    "half in another order, class_weight_matching=1": total(swapped, truth, class_weight_matching=1.0),
}
for name, score in seen.items():
    print(f"a perfect result, {name}: {score}")
if list(seen.values()) != [1.0, 0.75, 1.0, 1.0]:
    sys.exit("The behavior has changed: the scores are others.")
PY
