#!/usr/bin/env bash
# MedPy's true positive rate of objects is their precision, and its false positive rate is the share that was missed.
#
# Versions: MedPy 0.5.2, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: obj_tpr(result, reference) divides by the number of objects in the result, obj_fpr(result, reference) by
#     that in the reference: each gives what its documentation describes with the two masks the other way round. A
#     result with ten false objects has the false positive rate 0, and one that misses most objects the true positive
#     rate 1.
# Expected: as documented ("whatever array is considered as reference should be passed second"): the share of reference
#     objects that were found, and the share of result objects that are not in the reference. The documented example
#     obj_tpr([1,0,1,0,0], [1,0,1,0,1]) is given as 0.667, and obj_fpr of the same masks as 0.
# Seen: both lesions found and two false ones: 0.5 and 0, instead of 1 and 0.5. One of two lesions found and nothing
#     else: 1 and 0.5, instead of 0.5 and 0. The documented example: 1 and 0.333.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 medpy==0.5.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from medpy.metric.binary import obj_fpr, obj_tpr

print({name: version(name) for name in ("medpy", "scipy", "numpy")})
truth = np.zeros((30, 30), bool)
truth[2:5, 2:5] = truth[10:14, 10:14] = True
with_false_ones = truth.copy()
with_false_ones[20:22, 20:22] = with_false_ones[25:27, 2:4] = True
one_missed = truth.copy()
one_missed[10:14, 10:14] = False


def rates(result, reference):
    """Share of the reference that was found and share of the result that is false, by their names."""
    return tuple(round(float(rate(result, reference)), 3) for rate in (obj_tpr, obj_fpr))


seen = {
    "all found, as many false": rates(with_false_ones, truth),
    "half missed, none false": rates(one_missed, truth),
    "documented example": rates(np.array([1, 0, 1, 0, 0]), np.array([1, 0, 1, 0, 1])),
}
should = dict(zip(seen, [(1.0, 0.5), (0.5, 0.0), (0.667, 0.0)]))
for name, found in seen.items():
    print(f"{name}: true and false positive rate {found}, by their description {should[name]}")
as_described = dict(zip(seen, [(0.5, 0.0), (1.0, 0.5), (1.0, 0.333)]))
sys.exit(0 if seen == as_described else "The behavior has changed.")
PY
