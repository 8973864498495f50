#!/usr/bin/env bash
# Krippendorff's alpha of iaa-kit is another number as soon as a rating is missing: 0.86 instead of 0.67.
#
# Versions: iaa-kit 0.1.2, krippendorff 0.9.0, NumPy 2.2.6.
# Behavior: alpha is there for ratings of which some are missing, given as None or NaN here. iaa-kit takes all pairs of
#     raters alike, so that a case with four ratings counts six times as much as one with two, where Krippendorff weighs
#     by the number of ratings, and ratings without a second one are counted, too. None missing, it is right.
# Expected: 0.743, which Krippendorff gives for his example, and the krippendorff package, too.
# Seen: Krippendorff's example of 12 cases and four raters: 0.720. 40 cases of two readers, of which 20 were rated by
#     two more who agree: 0.86 instead of 0.67. The first two readers alone, none missing: 0.506 by both packages.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 krippendorff==0.9.0 iaa-kit==0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import iaa_kit
import krippendorff
import numpy as np

print({name: version(name) for name in ("iaa-kit", "krippendorff", "numpy")})
book = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
        [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
    ]
)
readers = np.full((4, 40), np.nan)
readers[:2] = [np.arange(40) % 2, (np.arange(40) + (np.arange(40) >= 20) * (np.arange(40) % 4 < 2)) % 2]
readers[2:, :20] = readers[0, :20]
seen = {}
for name, ratings in (("the example", book), ("more readers of easy cases", readers), ("none missing", readers[:2])):
    cases = [[None if np.isnan(rating) else int(rating) for rating in case] for case in ratings.T]
    values = iaa_kit.alpha_value(cases), krippendorff.alpha(ratings, level_of_measurement="nominal")
    seen[name] = [round(float(value), 3) for value in values]
    print(f"{name}: alpha {seen[name][0]}, by the krippendorff package {seen[name][1]}")
if seen != {
    "the example": [0.72, 0.743],
    "more readers of easy cases": [0.858, 0.669],
    "none missing": [0.506, 0.506],
}:
    sys.exit("The behavior has changed: alpha is another number.")
PY
