#!/usr/bin/env bash
# sigmaeval's CRPS of quantiles does not grow with the distance: what is 500 off scores as what is 10 off.
#
# Versions: sigmaeval 0.1.0, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: the squared difference of the distributions is summed between the lowest and the highest quantile only. What
#     lies between them and the true value, where the difference is largest, is left out.
# Expected: about the distance for predictions that are far off, as the score is said to generalize the mean absolute
#     error, and as crps_gaussian of the same package has it.
# Seen: 99 quantiles of normal distributions of width 1, true value 0. At a distance of 0, 2, 10 and 500 the score is
#     0.23, 1.48, 1.75 and 1.75; crps_gaussian: 0.23, 1.45, 9.44 and 499.44.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps sigmaeval==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from scipy.stats import norm
from sigmaeval.sigmaeval import crps_gaussian, crps_quantile

print({name: version(name) for name in ("sigmaeval", "scipy", "numpy")})
levels = np.linspace(0.01, 0.99, 99)
truth = np.zeros(1)
seen = {}
for distance in (0, 2, 10, 500):
    quantiles = norm.ppf(levels, distance, 1)[:, None]
    known = crps_gaussian(truth, np.array([distance], float), np.ones(1))
    seen[distance] = float(crps_quantile(quantiles, levels, truth, normalization=False))
    print(f"distance {distance}: crps_quantile {seen[distance]:.2f}, crps_gaussian {known:.2f}")
if abs(seen[0] - 0.23) > 0.01 or abs(seen[500] - seen[10]) > 1e-6 or seen[500] > 2:
    sys.exit("The behavior has changed: the scores are others.")
PY
