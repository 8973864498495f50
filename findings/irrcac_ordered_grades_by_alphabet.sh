#!/usr/bin/env bash
# irrCAC weighs the grades of a pandas column by the alphabet, although the column says how they are ordered.
#
# Versions: irrCAC 0.4.4, pandas 2.3.3, NumPy 1.26.4, SciPy 1.12.0.
# Behavior: without the argument categories the values are collected and sorted as text, also if the columns are ordered
#     categories. For none < mild < moderate < severe the order is mild, moderate, none, severe: "none" is next to
#     "severe" and two steps from "mild", and the weights follow that. Nothing is said.
# Expected: the order of the categories, and so the agreement of the same grades written as 0, 1, 2, 3.
# Seen: two raters, 60 grades, at most one grade apart, quadratic weights: Gwet's AC2 0.81 of the numbers and 0.50 of
#     the ordered categories, Fleiss' kappa 0.79 and 0.48. With categories given as a list they are those of the numbers.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.12.0 pandas==2.3.3 irrcac==0.4.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from irrCAC.raw import CAC

print({name: version(name) for name in ("irrCAC", "pandas", "numpy", "scipy")})
grades = ["none", "mild", "moderate", "severe"]
random = np.random.default_rng(0)
first = random.integers(0, 4, 60)
second = np.clip(first + random.integers(-1, 2, 60), 0, 3)
numbers = pd.DataFrame({"first": first, "second": second})
ordered = numbers.apply(lambda column: pd.Series(pd.Categorical.from_codes(column, grades, ordered=True)))
assert list(ordered["first"].cat.categories) == grades and ordered["first"].cat.ordered
seen = {}
for name, table, options in (
    ("numbers", numbers, {}),
    ("ordered categories", ordered, {}),
    ("with categories=", ordered, {"categories": grades}),
):
    agreement = CAC(table, weights="quadratic", **options)
    values = [getattr(agreement, method)()["est"]["coefficient_value"] for method in ("gwet", "fleiss")]
    seen[name] = [round(float(value), 2) for value in values]
    print(f"{name}: AC2 and kappa {seen[name]}, in the order {agreement.categories}")
if list(seen.values()) != [[0.81, 0.79], [0.5, 0.48], [0.81, 0.79]]:
    sys.exit("The behavior has changed: the agreement is another.")
PY
