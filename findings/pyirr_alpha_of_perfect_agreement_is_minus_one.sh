#!/usr/bin/env bash
# pyirr makes Krippendorff's alpha of two or three categories −1 where all agree: the agreements are taken for
# disagreements.
#
# Versions: pyirr 0.84.1.2, krippendorff 0.9.0, NumPy 1.26.4, pandas 2.3.3, SciPy 1.13.1.
# Behavior: kripp_alpha takes the upper triangle of the coincidence matrix with an offset that follows from the number
#     of categories. It is right for four and five of them. With two and three the diagonal is taken along, so that
#     the places of the values move and agreements are counted as disagreements. Nothing is said, a value in the usual
#     range comes back.
# Expected: 1 where both raters agree on every case, and the values of krippendorff otherwise.
# Seen: 200 cases, two raters. Complete agreement: −0.995 with two categories, −1.005 with three, 1.0 with four. Every
#     fifth case rated differently: −0.596 instead of 0.601 with two categories, −0.706 instead of 0.701 with three,
#     0.734 as in krippendorff with four.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 pandas==2.3.3 scipy==1.13.1 pyirr==0.84.1.2 krippendorff==0.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import krippendorff
import numpy as np
from pyirr import kripp_alpha

print({name: version(name) for name in ("pyirr", "krippendorff", "numpy", "pandas", "scipy")})
cases = np.arange(200)
seen = {}
for categories in (2, 3, 4):
    first = cases % categories
    for name, differs in (("all agree", cases < 0), ("a fifth differs", cases % 5 == 0)):
        ratings = np.stack([first, np.where(differs, (first + 1) % categories, first)], 1)
        alpha = krippendorff.alpha(ratings.T, level_of_measurement="nominal")
        pair = seen[categories, name] = round(float(kripp_alpha(ratings).value), 3), round(float(alpha), 3)
        print(f"{categories} categories, {name}: pyirr {pair[0]}, krippendorff {pair[1]}")
expected = {
    (2, "all agree"): (-0.995, 1.0),
    (2, "a fifth differs"): (-0.596, 0.601),
    (3, "all agree"): (-1.005, 1.0),
    (3, "a fifth differs"): (-0.706, 0.701),
    (4, "all agree"): (1.0, 1.0),
    (4, "a fifth differs"): (0.734, 0.734),
}
if seen != expected:
    sys.exit(f"The behavior has changed: {seen}.")
PY
