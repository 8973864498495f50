#!/usr/bin/env bash
# retinalysis-enface takes the middle of an avascular zone before stray pieces are removed: it lies outside of the zone.
#
# Versions: retinalysis-enface 2.0.0, OpenCV 4.11.0.86, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: of a mask of several pieces the largest is kept, with a warning, and area and contour are those of this
#     piece. The center of mass, and with it all distances to the center, is that of the mask as it came.
# Expected: all of them from the same piece, as the class for optic discs in the same package does.
# Seen: a zone of 11289 pixels with its middle at (300, 300) and a stray piece of 1961 pixels: the area is 11289, the
#     middle (389, 389), 126 pixels away and not in the zone, whose radius is 60.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 scikit-learn==1.7.2 opencv-python-headless==4.11.0.86 matplotlib==3.10.8 pillow==11.3.0 \
    pydicom==3.0.2 joblib==1.5.3 tqdm==4.67.1 click==8.3.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps retinalysis-enface==2.0.0
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from rtnls_enface.disc import OpticDisc
from rtnls_enface.faz import FAZ

print({name: version(name) for name in ("retinalysis-enface", "opencv-python-headless", "scipy", "numpy")})
row, column = np.mgrid[:1024, :1024]
zone = (row - 300) ** 2 + (column - 300) ** 2 <= 60**2
stray = (row - 900) ** 2 + (column - 900) ** 2 <= 25**2
seen = {}
for name, mask in (("zone", zone), ("zone and stray piece", zone | stray)):
    found = FAZ(mask.astype(np.uint8))
    middle = tuple(round(float(value)) for value in found.center_of_mass.tuple)
    disc = tuple(round(float(value)) for value in OpticDisc(mask.astype(np.uint8)).center_of_mass.tuple)
    seen[name] = int(found.area), middle
    print(f"{name}: area {found.area}, middle {middle}, in the zone {found.contains([middle])}; as a disc {disc}")
if seen != {"zone": (11289, (300, 300)), "zone and stray piece": (11289, (389, 389))}:
    sys.exit("The behavior has changed: the middle is another.")
PY
