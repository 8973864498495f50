#!/usr/bin/env bash
# Gwet's AC2 of iaa-kit is the weighted kappa: 0 where AC2 is 0.97.
#
# Versions: iaa-kit 0.1.2, irrCAC 0.4.4, scikit-learn 1.9.1, NumPy 1.26.4.
# Behavior: ac2(a, b, weight) returns what weighted_kappa(a, b, weight) returns, digit by digit. AC1 and AC2 are taken
#     because kappa falls to 0 when nearly all cases have the same grade; ac1 is Gwet's AC1, ac2 has the very flaw.
# Expected: AC2, as irrCAC computes it with the same weights.
# Seen: grades of a lesion by two readers, 0 in most of 100 cases, equal in 95: weighted kappa -0.02, ac2 -0.02, AC2 of
#     irrCAC 0.96 (linear weights) and 0.97. Grades 0 to 3, evenly: 0.51, 0.51 and 0.53. AC1: 0.95 by both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.12.0 pandas==2.3.3 scikit-learn==1.9.1 iaa-kit==0.1.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps irrCAC==0.4.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import iaa_kit
import pandas as pd
from irrCAC.raw import CAC
from sklearn.metrics import cohen_kappa_score

print({name: version(name) for name in ("iaa-kit", "irrCAC", "scikit-learn", "numpy")})
skewed = [0] * 95 + [1, 2, 0, 0, 0], [0] * 95 + [0, 0, 1, 1, 2]
even = [0, 0, 1, 1, 2, 2, 3, 3, 0, 1], [0, 1, 1, 2, 2, 3, 3, 0, 0, 1]
seen = {}
for name, (first, second) in (("skewed", skewed), ("even", even)):
    for weight in ("linear", "quadratic"):
        gwet = CAC(pd.DataFrame({"a": first, "b": second}), weights=weight).gwet()["est"]["coefficient_value"]
        values = (iaa_kit.ac2(first, second, weight), iaa_kit.weighted_kappa(first, second, weight),
                  cohen_kappa_score(first, second, weights=weight), gwet)
        seen[name, weight] = [round(float(value), 2) for value in values]
        print(f"{name}, {weight}: ac2 {values[0]:.4f}, weighted kappa {values[1]:.4f} (scikit-learn {values[2]:.4f}), "
              f"AC2 of irrCAC {values[3]:.4f}")
gwet = CAC(pd.DataFrame({"a": skewed[0], "b": skewed[1]})).gwet()["est"]["coefficient_value"]
seen["AC1"] = [round(float(value), 2) for value in (iaa_kit.ac1(*skewed), gwet)]
print(f"AC1 of skewed grades: {seen['AC1']}")
expected = {
    ("skewed", "linear"): [-0.02, -0.02, -0.02, 0.96],
    ("skewed", "quadratic"): [-0.02, -0.02, -0.02, 0.97],
    ("even", "linear"): [0.51, 0.51, 0.51, 0.53],
    ("even", "quadratic"): [0.5, 0.5, 0.5, 0.54],
    "AC1": [0.95, 0.95],
}
if seen != expected:
    sys.exit("The behavior has changed: the agreement is another one.")
PY
