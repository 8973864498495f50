#!/usr/bin/env bash
# Krippendorff's alpha of iaa-kit takes ordered grades for measurements: 0.99 where it is 0.79.
#
# Versions: iaa-kit 0.1.2, krippendorff 0.9.0, NumPy 2.2.6.
# Behavior: scale="ordinal" returns what scale="interval" returns: the square of the difference between two numbers. For
#     ordered grades the distance is how many ratings lie between them, and the numbers do not matter. Grades that are
#     numbered with a gap, or of which nearly all cases have one, agree more or less than they do.
# Expected: an alpha that stays the same if grades are renumbered in their order, as by the krippendorff package.
# Seen: two readers, 60 cases, grades 0, 1, 10: 0.99 for both scales, ordinal 0.79. Numbered 0, 1 and 2: 0.89 for both
#     scales, ordinal 0.79.
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
seen = {}
for last in (10, 2):
    ratings = np.array([[0] * 50 + [1] * 5 + [last] * 5, [0] * 45 + [1] * 10 + [last] * 5])
    values = [function for scale in ("ordinal", "interval") for function in (
        iaa_kit.alpha_value(ratings.T.tolist(), scale), krippendorff.alpha(ratings, level_of_measurement=scale))]
    seen[last] = [round(float(value), 2) for value in values]
    print(f"grades 0, 1, {last}: ordinal {seen[last][0]} (krippendorff {seen[last][1]}), "
          f"interval {seen[last][2]} (krippendorff {seen[last][3]})")
if seen != {10: [0.99, 0.79, 0.99, 0.99], 2: [0.89, 0.79, 0.89, 0.89]}:
    sys.exit("The behavior has changed: alpha is another number.")
PY
