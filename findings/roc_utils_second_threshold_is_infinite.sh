#!/usr/bin/env bash
# roc-utils chooses an infinite threshold for the second of two criteria if low scores mean the disease.
#
# Versions: roc-utils 0.2.2, SciPy 1.10.1, NumPy 1.26.4.
# Behavior: with auto_flip the curve of such scores is turned around, and back again after the best threshold of the
#     first criterion was found. The second is looked for on the curve that is not turned, where the best threshold is
#     one that calls nobody ill; after it the curve is turned again, and the third is right.
# Expected: for each criterion the threshold that it has alone.
# Seen: 400 patients, AUC 0.87. Distance to the corner, Youden's index and their product, each alone: −0.77, accuracy
#     0.78. All three in one call: Youden's, the second, is infinite, accuracy 0.25. First Youden's, then the distance:
#     the distance has −2.94.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.10.1 pandas==2.2.3 \
    scikit-learn==1.5.2 matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps roc-utils==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from roc_utils import compute_roc

print({name: version(name) for name in ("roc-utils", "scipy", "numpy")})
truth = np.repeat([0, 1], [300, 100])
scores = np.random.default_rng(0).normal(-1.5 * truth)


def best(criteria: list[str]) -> list[tuple[float, float]]:
    points = compute_roc(scores, truth, pos_label=1, objective=criteria, auto_flip=True).opd
    return [(round(float(points[name].opt), 2), round(float(points[name].opa), 2)) for name in criteria]


seen = []
for criteria in (["minopt"], ["youden"], ["minopt", "youden", "concordance"], ["youden", "minopt"]):
    seen.append(best(criteria))
    print(f"{criteria}: thresholds and accuracies {seen[-1]}")
alone = seen[0][0]
if seen[1:] != [[alone], [alone, (np.inf, 0.25), alone], [alone, (-2.94, 0.76)]]:
    sys.exit("The behavior has changed: the thresholds are others.")
PY
