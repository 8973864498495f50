#!/usr/bin/env bash
# skclean doubts correct labels if cases are sorted by class: confidence 0.6 instead of 1, and 0.2 with five classes.
#
# Versions: scikit-clean 0.1.2, scikit-learn 1.2.2, NumPy 1.26.4, SciPy 1.13.1.
# Behavior: PartitioningDetector cuts the cases into five parts in the order in which they come, and trains a
#     classifier on each. In a table that is sorted by class, as folders of images are read, a part has one or two
#     classes, and its classifier finds no other. The share of classifiers that agree is the confidence of a label.
#     Neither shuffling nor the order is mentioned; IPF shuffles before, Filter and a pipeline do not.
# Expected: the same confidence in any order, 1 where groups are far apart and all labels are right.
# Seen: groups of 100 cases, all labels right. Shuffled: 1.00. Sorted: 0.60 with two classes, 0.20 with five classes,
#     for each of the cases: Filter with its threshold of 0.5 would remove all 500.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.13.1 scikit-learn==1.2.2 scikit-clean==0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from skclean.detectors import PartitioningDetector
from sklearn.tree import DecisionTreeClassifier

print({name: version(name) for name in ("scikit-clean", "scikit-learn", "numpy", "scipy")})
seen = {}
for classes in (2, 5):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(classes), 100)
    features = rng.normal(0, 1, (labels.size, 1)) + 20 * labels[:, None]
    shuffled = rng.permutation(labels.size)
    for name, order in (("sorted", np.arange(labels.size)), ("shuffled", shuffled)):
        detector = PartitioningDetector(DecisionTreeClassifier(random_state=0), random_state=0)
        confidence = detector.detect(features[order], labels[order])
        seen[classes, name] = round(float(confidence.min()), 2), round(float(confidence.max()), 2)
        print(f"{classes} classes, {name}: confidence from {seen[classes, name][0]} to {seen[classes, name][1]}")
if seen != {
    (2, "sorted"): (0.6, 0.6),
    (2, "shuffled"): (1.0, 1.0),
    (5, "sorted"): (0.2, 0.2),
    (5, "shuffled"): (1.0, 1.0),
}:
    sys.exit("The behavior has changed: the confidence is another.")
PY
