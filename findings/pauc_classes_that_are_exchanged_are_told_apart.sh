#!/usr/bin/env bash
# pauc's AUC of several classes is 0.75 for a model that is always wrong.
#
# Versions: pauc 0.2.2, scikit-learn 1.8.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: MultiClassROC compares each pair of classes by the probabilities of both, and turns each curve around if its
#     AUC is below 0.5. A class with the lowest probability in its own images counts like one with the highest.
# Expected: Hand and Till's measure, as in scikit-learn: a high probability of a class speaks for it.
# Seen: three grades of a tumor, scikit-learn in parentheses. All are right: 1 (1). The first two are exchanged: 0.83
#     (0.5). All three are exchanged in a circle: 0.75 (0.25); no image is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-learn==1.8.0 \
    pandas==2.3.3 matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pauc==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pauc.roc_core import MultiClassROC
from sklearn.metrics import roc_auc_score

print({name: version(name) for name in ("pauc", "scikit-learn", "scipy", "numpy")})
truth = np.repeat([0, 1, 2], 30)
seen = {}
for name, order in (("right", [0, 1, 2]), ("two exchanged", [1, 0, 2]), ("in a circle", [1, 2, 0])):
    probabilities = (np.eye(3) * 0.8 + 0.2 / 3)[np.array(order)[truth]]
    known = roc_auc_score(truth, probabilities, multi_class="ovo")
    accuracy = (probabilities.argmax(axis=1) == truth).mean()
    seen[name] = round(float(MultiClassROC(truth, probabilities).auc), 2), round(float(known), 2)
    print(f"{name}: accuracy {accuracy:.2f}, AUC {seen[name][0]}, scikit-learn {seen[name][1]}")
if seen != {"right": (1.0, 1.0), "two exchanged": (0.83, 0.5), "in a circle": (0.75, 0.25)}:
    sys.exit("The behavior has changed: the AUCs are others.")
PY
