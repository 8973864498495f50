#!/usr/bin/env bash
# ADEval's AUROC falls from 0.98 to 0.52 if the same scores are given on another scale, or if one pixel is very bright.
#
# Versions: ADEval 1.1.0, scikit-learn 1.5.2, NumPy 1.26.4.
# Behavior: the scores are sorted into 1000 strips of equal width between their minimum and their maximum, and all in a
#     strip are tied. If a few scores are far above the others, the others are in one strip.
# Expected: the area under the curve, which depends on the order of the scores only, but for a small error.
# Seen: ten anomaly maps, of whose pixels 5 % are anomalous. The area of the scores and of their sigmoid is 0.983, as
#     scikit-learn has it for all of them; that of exp(3 x) 0.516, and that of the sigmoid with one pixel of 1000 0.500.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.13.1 scikit-learn==1.5.2 \
    opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ADEval==1.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from adeval import auroc
from sklearn.metrics import roc_auc_score

print({name: version(name) for name in ("ADEval", "scikit-learn", "numpy")})
random = np.random.default_rng(0)
truth = random.random((10, 128, 128)) < 0.05
scores = random.normal(size=truth.shape) + 3 * truth
sigmoid = 1 / (1 + np.exp(-scores))
bright = sigmoid.copy()
bright[np.unravel_index(np.flatnonzero(~truth)[0], truth.shape)] = 1000
seen = {}
for name, values in (
    ("scores", scores),
    ("sigmoid", sigmoid),
    ("exp(3 x)", np.exp(3 * scores)),
    ("sigmoid, one bright pixel", bright),
):
    seen[name] = auroc(values.astype(np.float32), truth.astype(np.uint8))
    print(f"{name}: {seen[name]:.3f}, scikit-learn: {roc_auc_score(truth.ravel(), values.ravel()):.3f}")
good, bad = list(seen.values())[:2], list(seen.values())[2:]
if min(good) < 0.98 or max(bad) > 0.6:
    sys.exit("The behavior has changed: the areas are others.")
PY
