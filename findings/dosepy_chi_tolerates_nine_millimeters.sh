#!/usr/bin/env bash
# dosepy passes a dose that is 4 mm off at 3 %, 3 mm: at 150 dpi the 3 mm are 9, with points of 1 mm they are 1.5.
#
# Versions: Dosepy 0.12.2, SciPy 1.17.1, scikit-image 0.25.2, NumPy 2.4.6.
# Behavior: chi, the measure that dosepy has in the place of the gamma index, interpolates both doses to points of 0.5
#     mm by default ("recommended"), and then converts the distance to pixels with the resolution of the image as it
#     was. With a film of 150 dpi 3 mm become 17.7 points of 0.5 mm, with a plane of 1 mm per point they become 3.
#     Only for points of 0.5 mm the tolerance is the one asked for.
# Expected: pass rates that depend on the doses and the tolerance, not on the resolution in which they are stored.
# Seen: a field of 60 × 60 mm and the same field beside its place, 3 %, 3 mm. Points of 0.5 mm: 100 % pass at 2 mm,
#     75.7 % at 4 mm. 150 dpi: 100 % at 2 and 4 mm, 88.4 % at 6 mm. Points of 1 mm: 73.7 % at 2 mm, which is within
#     the tolerance.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 matplotlib==3.10.8 \
    pydicom==3.0.2 scikit-image==0.25.2 imageio==2.38.1 pyyaml==6.0.4 tqdm==4.70.1 narwhals==2.29.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dosepy==0.12.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from Dosepy.image import ArrayImage
from Dosepy.tools.gamma import chi

print({name: version(name) for name in ("dosepy", "scipy", "scikit-image", "numpy")})


def field(points_per_mm: float, shift: float) -> ArrayImage:
    size = round(120 * points_per_mm)
    place = (np.arange(size) + 0.5) / points_per_mm - 60
    profiles = [1 / (1 + np.exp((np.abs(place - middle) - 30) / 3)) for middle in (0, shift)]
    return ArrayImage(10 * np.outer(*profiles), dpi=25.4 * points_per_mm)


seen = {}
for name, points_per_mm in (("1 mm", 1.0), ("0.5 mm", 2.0), ("150 dpi", 150 / 25.4)):
    for shift in (2, 4, 6):
        _, rate = chi(field(points_per_mm, 0), field(points_per_mm, shift), dose_ta=3, dist_ta=3)
        seen[name, shift] = round(float(rate), 1)
    print(f"points of {name}: {[seen[name, shift] for shift in (2, 4, 6)]} % pass at 2, 4, 6 mm")
expected = {"1 mm": (73.7, 64.1, 60.7), "0.5 mm": (100.0, 75.7, 68.5), "150 dpi": (100.0, 100.0, 88.4)}
for name, rates in expected.items():
    if any(abs(seen[name, shift] - rate) > 0.5 for shift, rate in zip((2, 4, 6), rates)):
        sys.exit("The behavior has changed: the pass rates are others.")
PY
