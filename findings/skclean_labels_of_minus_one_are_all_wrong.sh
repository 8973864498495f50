#!/usr/bin/env bash
# skclean takes every correct label of −1 for a wrong one if classes are −1 and 1: confidence 0 instead of 1.
#
# Versions: scikit-clean 0.1.2, scikit-learn 1.2.2, NumPy 1.26.4, SciPy 1.13.1.
# Behavior: RandomForestDetector, InstanceHardness, and MCS use the label as the number of a column of probabilities.
#     −1 is the last column, which belongs to class 1, so that cases of −1 get the confidence of the other class. KDN
#     compares labels and is right. Classifiers of scikit-learn take labels of −1 and 1, and nothing warns.
#     SampleWeight, which weights cases by their confidence, then trains on one class alone.
# Expected: the confidence of the same data with classes 0 and 1, close to 1 for all of them.
# Seen: two groups of 200 cases that are far apart, all labels right. Classes 0 and 1: mean confidence 1.00 and 1.00
#     from each detector. Classes −1 and 1: 0.00 and 1.00 by RandomForestDetector and InstanceHardness, 0.05 and 0.05
#     by MCS, 1.00 and 1.00 by KDN. A logistic regression with SampleWeight finds no case of −1, with 0 and 1 all of
#     them.
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
from skclean.detectors import KDN, MCS, InstanceHardness, RandomForestDetector
from skclean.handlers import SampleWeight
from sklearn.linear_model import LogisticRegression

print({name: version(name) for name in ("scikit-clean", "scikit-learn", "numpy", "scipy")})
rng = np.random.default_rng(0)
group = rng.permutation(np.repeat([0, 1], 200))
features = rng.normal(0, 1, (400, 2)) + np.where(group == 1, 4, -4)[:, None]
seen = {}
for detector in (RandomForestDetector(random_state=0), InstanceHardness(random_state=0), MCS(random_state=0), KDN()):
    for classes in ((0, 1), (-1, 1)):
        confidence = detector.detect(features, np.array(classes)[group])
        means = [round(float(confidence[group == number].mean()), 2) + 0.0 for number in (0, 1)]
        seen[type(detector).__name__, classes] = means
        print(f"{type(detector).__name__}, classes {classes}: mean confidence {means}")
for classes in ((0, 1), (-1, 1)):
    labels = np.array(classes)[group]
    model = SampleWeight(LogisticRegression(), RandomForestDetector(random_state=0)).fit(features, labels)
    found = round(float((model.predict(features) == labels)[group == 0].mean()), 2)
    seen["found", classes] = found
    print(f"SampleWeight, classes {classes}: share of cases of {classes[0]} that are found {found}")
wrong = {"RandomForestDetector": (0.0, 1.0), "InstanceHardness": (0.0, 1.0), "MCS": (0.05, 0.05), "KDN": (1.0, 1.0)}
for name, means in wrong.items():
    if not np.allclose(seen[name, (0, 1)], 1, atol=0.02) or not np.allclose(seen[name, (-1, 1)], means, atol=0.02):
        sys.exit(f"The behavior has changed: the confidence of {name} is another.")
if seen["found", (0, 1)] < 0.99 or seen["found", (-1, 1)] > 0.5:
    sys.exit("The behavior has changed: other cases are found.")
PY
