#!/usr/bin/env bash
# dosemetrics finds no difference between an organ that got 10 Gy and one that got 60 Gy.
#
# Versions: dosemetrics 0.4.1, NumPy 2.2.6, SciPy 1.15.3, Numba 0.61.2.
# Behavior: a dose-volume histogram ends at the maximum of the dose, where the hottest part of the organ is still
#     counted. To compare two of them both are put on the longer axis, by an interpolation that holds the last value.
#     The part of the organ that has the maximum of the colder plan then has every higher dose, too. This holds for
#     compare_dvh_area and all that puts several histograms on one axis.
# Expected: no part of an organ gets more than the maximum: the area between the histograms of 10 and 60 Gy is
#     50 Gy x 100 %.
# Seen: 0 instead of 5000 Gy % for 10 and 60 Gy, and 0 instead of 2500 if half of the organ gets that and the rest
#     nothing, in the other order as well. The Wasserstein distance of the same doses is right: 50 and 25 Gy.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 numba==0.61.2 \
    scikit-image==0.25.2 matplotlib==3.10.7 pydicom==3.0.2 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dosemetrics==0.4.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from dosemetrics.dose import Dose
from dosemetrics.metrics import dvh
from dosemetrics.structures import OAR

print({name: version(name) for name in ("dosemetrics", "numpy", "scipy", "numba")})
mask = np.zeros((12, 12, 12), bool)
mask[2:10, 2:10, 2:10] = True
organ = OAR("organ", mask)
half = np.arange(12)[:, None, None] < 6


def plan(dose, part):
    return Dose(np.where(np.broadcast_to(part, mask.shape), float(dose), 0.0), (1, 1, 1), (0, 0, 0))


seen = {}
for name, part in (("whole", True), ("half", half)):
    for first, second in ((10, 60), (60, 10)):
        pair = plan(first, part), plan(second, part)
        area, distance = dvh.compare_dvh_area(*pair, organ), dvh.compare_dvh_wasserstein(*pair, organ)
        seen[name, first] = round(area), round(distance)
        print(f"{name} of the organ with {first} and {second} Gy: area {area:.1f} Gy %, Wasserstein {distance:.1f} Gy")
if seen != {("whole", 10): (0, 50), ("whole", 60): (0, 50), ("half", 10): (0, 25), ("half", 60): (0, 25)}:
    sys.exit("The behavior has changed: the areas are others.")
PY
