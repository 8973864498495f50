#!/usr/bin/env bash
# scikit-radiomics gives two raters who agree completely an intraclass correlation of −0.01, with its default model.
#
# Versions: scikit-radiomics 1.0.0, pingouin 0.5.5, NumPy 2.2.6, SciPy 1.15.3, pandas 2.3.3.
# Behavior: the one-way model, the default of ICC, takes the variation between the raters away from the total where the
#     variation between the cases belongs, so what is left as an error is nearly all of the variation of the cases. The
#     result is about 0, whatever the ratings are. The two-way models for a single rating are right. The mean of two
#     ratings in the two-way model with absolute agreement divides by a difference instead of a sum and exceeds 1 if one
#     rater measures larger than the other.
# Expected: 1 for equal ratings, else what other software gives for the six forms of Shrout and Fleiss.
# Seen: volumes of 20 lesions by two raters, pingouin in parentheses. Equal: −0.013 (1.000), of the mean −0.056 (1.000).
#     With a noise of 3: −0.017 (0.972). Unrelated: −0.137 (0.041). One rater 5 larger, two-way, of the mean: 1.089
#     (0.924).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 \
    pingouin==0.5.5 scikit-image==0.25.2 simpleitk==2.5.7 pykwalify==1.8.0 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps scikit-radiomics==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pingouin
from skradiomics.metrics import ICC

print({name: version(name) for name in ("scikit-radiomics", "pingouin", "numpy", "scipy", "pandas")})


def forms(first: np.ndarray, second: np.ndarray) -> dict:
    table = pd.DataFrame(
        {"case": 2 * list(range(20)), "rater": 20 * ["a"] + 20 * ["b"], "volume": np.concatenate([first, second])}
    )
    known = pingouin.intraclass_corr(table, "case", "rater", "volume").set_index("Type")["ICC"]
    given = {
        "ICC1": ICC(first, second),
        "ICC1k": ICC(first, second, type="mean"),
        "ICC2": ICC(first, second, model="two_way_random"),
        "ICC2k": ICC(first, second, model="two_way_random", type="mean"),
    }
    return {name: (round(float(value), 3), round(float(known[name]), 3)) for name, value in given.items()}


rng = np.random.default_rng(0)
volumes = rng.normal(50, 10, 20)
seen = {"equal": forms(volumes, volumes)}
seen["noise of 3"] = forms(volumes, volumes + rng.normal(0, 3, 20))
seen["unrelated"] = forms(volumes, rng.normal(50, 10, 20))
seen["5 larger"] = forms(volumes, volumes + 5)
for name, values in seen.items():
    print(f"{name}: {values}")
if (
    seen["equal"]["ICC1"] != (-0.013, 1.0)
    or seen["equal"]["ICC1k"] != (-0.056, 1.0)
    or seen["noise of 3"]["ICC1"] != (-0.017, 0.972)
    or seen["unrelated"]["ICC1"] != (-0.137, 0.041)
    or seen["5 larger"]["ICC2k"] != (1.089, 0.924)
):
    sys.exit("The behavior has changed: the intraclass correlations are others.")
PY
