#!/usr/bin/env bash
# pauc's bootstrap turns models around one by one: the interval of an AUC of 0.28 is from 0.62 to 0.82.
#
# Versions: pauc 0.2.2, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: a curve may be told that high scores mean the disease. The bootstraps of ci_auc and compare forget it: in
#     each sample the direction is chosen anew so that the AUC is 0.5 or more. DeLong's method keeps the direction.
# Expected: bootstrap and DeLong agree, up to noise, and an interval has its estimate in it.
# Seen: intervals of DeLong and of the bootstrap. AUC 0.28: 0.18 to 0.38 and 0.62 to 0.82. AUC 0.43 of scores without
#     information: 0.32 to 0.55 and 0.46 to 0.69. AUC 0.28 and that of the reversed scores, 0.72, differ with p = 1e-5
#     and p = 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pauc==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from pauc.roc_core import ROC
from pauc.stats import ci_auc, compare

print({name: version(name) for name in ("pauc", "scipy", "numpy")})
np.random.seed(0)
random = np.random.default_rng(0)
truth = np.repeat([0, 1], 50)
wrong = random.normal(-0.75 * truth)
inside = {}
for name, scores in (("reversed", wrong), ("no information", random.normal(size=100))):
    curve = ROC(truth, scores, direction="<")
    delong, drawn = ci_auc(curve), ci_auc(curve, method="bootstrap", n_boot=1000)
    inside[name] = [bool(low < curve.auc < high) for low, high in (delong, drawn)]
    print(f"{name}: AUC {curve.auc:.2f}, DeLong {delong[0]:.2f} to {delong[1]:.2f},", end=" ")
    print(f"bootstrap {drawn[0]:.2f} to {drawn[1]:.2f}")
curves = [ROC(truth, scores, direction="<") for scores in (wrong, -wrong)]
p = [compare(*curves, method=method, n_boot=1000).p_value for method in ("delong", "bootstrap")]
print(f"AUCs {curves[0].auc:.2f} and {curves[1].auc:.2f}: p is {p[0]:.0e} and {p[1]:.2f}")
if inside != {"reversed": [True, False], "no information": [True, False]} or p[0] > 0.001 or p[1] < 0.9:
    sys.exit("The behavior has changed: the bootstrap is another.")
PY
