#!/usr/bin/env bash
# retinalysis-enface exchanges the superior and the inferior point of the optic disc in right eyes.
#
# Versions: retinalysis-enface 2.0.0, OpenCV 4.11.0.86, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: the direction upward is the one from disc to fovea, turned by a quarter. It is turned the same way in both
#     eyes, so that it points down if the fovea lies to the left of the disc, as it does in pictures of right eyes.
# Expected: the superior point above the disc in both eyes, as its description says that y grows downward.
# Seen: a disc of radius 80 with its middle in row 500: the superior point is in row 420 in the left eye and in row 580
#     in the right one, the inferior one in 580 and 420. Nasal and temporal points are right in both.
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
from rtnls_enface.base import Laterality
from rtnls_enface.fundus import Fundus

print({name: version(name) for name in ("retinalysis-enface", "opencv-python-headless", "scipy", "numpy")})
row, column = np.mgrid[:1024, :1024]
seen = {}
for eye, disc, fovea in (("left", 300, 600), ("right", 724, 424)):
    mask = ((row - 500) ** 2 + (column - disc) ** 2 <= 80**2).astype(np.uint8)
    fundus = Fundus(disc_path_or_mask=mask, fovea_location=(fovea, 500))
    points = {name: getattr(fundus.disc, f"{name}_point") for name in ("superior", "inferior", "nasal", "temporal")}
    places = {name: (round(point.y), round(point.x)) for name, point in points.items()}
    seen[eye] = places["superior"][0], places["inferior"][0]
    side = {Laterality.L: "left", Laterality.R: "right"}[fundus.laterality]
    print(f"{eye} eye (found to be the {side} one), disc at (500, {disc}), fovea at (500, {fovea}): {places}")
if seen["left"][0] > 430 or seen["right"][0] < 570:
    sys.exit("The behavior has changed: the points are others.")
PY
