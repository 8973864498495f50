#!/usr/bin/env bash
# surface-distance 0.1 works with NumPy 2 until a mask is empty.
#
# Versions: surface-distance 0.1, NumPy 2.4.6.
# Behavior: names that NumPy 2 no longer has are used only on the paths for empty masks. Ordinary cases give numbers; the
#     first case without the structure, or with nothing found, ends in an AttributeError of NumPy.
# Expected: the NaN and infinity that the package documents for empty masks, or a failure at import or installation.
# Seen: two masks with an object: Dice 1.0, robust Hausdorff distance 0.0; two empty masks: AttributeError for Dice;
#     one empty mask: AttributeError for the robust Hausdorff distance and for the surface Dice.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 surface-distance==0.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import surface_distance

print({name: version(name) for name in ("surface-distance", "numpy")})
empty = np.zeros((8, 8, 8), bool)
some = empty.copy()
some[3:5, 3:5, 3:5] = True


def result(metric):
    try:
        return round(float(metric()), 3)
    except AttributeError as error:
        return type(error).__name__


def distances(first, second):
    return surface_distance.compute_surface_distances(first, second, (1, 1, 1))


seen = {
    "Dice, equal": result(lambda: surface_distance.compute_dice_coefficient(some, some)),
    "Hausdorff, equal": result(lambda: surface_distance.compute_robust_hausdorff(distances(some, some), 95)),
    "Dice, both empty": result(lambda: surface_distance.compute_dice_coefficient(empty, empty)),
    "Hausdorff, one empty": result(lambda: surface_distance.compute_robust_hausdorff(distances(some, empty), 95)),
    "surface Dice, one empty": result(lambda: surface_distance.compute_surface_dice_at_tolerance(distances(some, empty), 1)),
}
print(seen)
if list(seen.values()) != [1.0, 0.0, "AttributeError", "AttributeError", "AttributeError"]:
    sys.exit("The behavior has changed: empty masks are treated otherwise.")
PY
