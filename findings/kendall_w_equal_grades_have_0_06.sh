#!/usr/bin/env bash
# kendall-w gives raters whose grades are all equal an agreement of 0.06.
#
# Versions: kendall-w 1.0.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: the coefficient of concordance is that of ranks, and the grades are taken for ranks as they are. Only where
#     every rater uses each of the numbers from 1 to the number of images once is the result right. Grades from 1 to 5
#     of 20 images are neither ranked nor are their ties corrected for. Scores in percent give values far above 1.
# Expected: "W [0:1]" of a "list of rating lists", with "1 indicates unanimous agreement": 1 where all agree.
# Seen: three raters who agree about everything. Ranks of 20 images: 1. Grades from 1 to 5: 0.060. Scores of 5 to 100 in
#     steps of 5: 25. With ranks and a correction for ties, all three are 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps kendall-w==1.0.0
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from kendall_w import compute_w
from scipy.stats import rankdata

print({name: version(name) for name in ("kendall-w", "scipy", "numpy")})


def known(ratings: list[list[int]]) -> float:
    ranks = rankdata(ratings, axis=0)
    images, raters = ranks.shape
    ties = sum((np.unique(column, return_counts=True)[1] ** 3.0 - 1).sum() for column in ranks.T)
    ties -= sum((np.unique(column, return_counts=True)[1] - 1).sum() for column in ranks.T)
    spread = ((ranks.sum(axis=1) - ranks.sum(axis=1).mean()) ** 2).sum()
    return 12 * spread / (raters**2 * (images**3 - images) - raters * ties)


seen = {}
for name, values in (("ranks", range(1, 21)), ("grades", [1, 2, 3, 4, 5] * 4), ("scores", range(5, 105, 5))):
    ratings = [[value] * 3 for value in values]
    seen[name] = round(compute_w(ratings), 3), round(float(known(ratings)), 3)
    print(f"{name}: W is {seen[name][0]}, with ranks and ties {seen[name][1]}")
if seen != {"ranks": (1.0, 1.0), "grades": (0.06, 1.0), "scores": (25.0, 1.0)}:
    sys.exit("The behavior has changed: the agreement is another.")
PY
