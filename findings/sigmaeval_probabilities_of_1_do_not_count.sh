#!/usr/bin/env bash
# sigmaeval leaves probabilities of exactly 1 out of the parts of the Brier score, which no longer sum to it.
#
# Versions: sigmaeval 0.1.0, NumPy 2.2.6.
# Behavior: the bins are closed on their left only, so that a probability of 1 lies in a bin behind the last one, which
#     is not looked at; it counts in the number of samples all the same.
# Expected: reliability - resolution + uncertainty is the Brier score, as its description says.
# Seen: 100 cases of two classes, all predicted wrong. With probabilities of 0.999 and 0.001 the parts and the score are
#     both 0.998. With 1 and 0 the score is 1 and the parts are 0.500 - 0.125 + 0.250 = 0.625.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps sigmaeval==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from sigmaeval.sigmaeval import brier_score_components, brier_score_multiclass

print({name: version(name) for name in ("sigmaeval", "numpy")})
truth = np.array([0, 1] * 50)
seen = {}
for confidence in (0.999, 1.0):
    predicted = np.where(truth[:, None] == np.array([0, 1]), 1 - confidence, confidence)
    score = float(brier_score_multiclass(truth, predicted))
    reliability, resolution, uncertainty = (float(part) for part in brier_score_components(truth, predicted))
    seen[confidence] = (score, reliability - resolution + uncertainty)
    print(f"wrong with {confidence}: score {score:.3f}, parts", end=" ")
    print(f"{reliability:.3f} - {resolution:.3f} + {uncertainty:.3f} = {seen[confidence][1]:.3f}")
if not np.allclose(seen[1.0], (1, 0.625)) or not np.isclose(*seen[0.999]):
    sys.exit("The behavior has changed: the parts are others.")
PY
