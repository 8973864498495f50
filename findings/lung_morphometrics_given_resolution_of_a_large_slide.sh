#!/usr/bin/env bash
# python-lung-morphometrics halves all lengths of a slide that it makes smaller by two, if the resolution is given.
#
# Versions: python-lung-morphometrics 0.4.0, tifffile 2026.3.3, scikit-image 0.25.2, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: a picture wider or taller than max_image_length is made smaller, and the resolution that was read from the
#     file with it. A resolution that is given, as an "override for the lateral resolution detection", replaces the
#     adapted one as it is. Lengths are too small by the factor by which the picture was reduced: by eight for a slide
#     of 40000 pixels with the default of 5000.
# Expected: the same mean linear intercept as with the same resolution from the file.
# Seen: a picture of 900 × 900 pixels with 1 pixel per µm. In full size: 55.5 µm with the resolution from the file and
#     with 1.0 given. With max_image_length=450: 55.9 µm from the file, 28.0 µm with 1.0 given.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    tifffile==2026.3.3 imageio==2.38.1 matplotlib==3.10.8 pandas==2.3.3 scikit-learn==1.9.1 skops==0.16.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps python-lung-morphometrics==0.4.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import tifffile
from python_lung_morphometrics import do_mli

names = ("python-lung-morphometrics", "tifffile", "scikit-image", "scipy", "numpy")
print({name: version(name) for name in names})
picture = np.full((900, 900, 3), 230, np.uint8)
for place in range(0, 900, 66):
    picture[place : place + 6] = picture[:, place : place + 6] = (150, 60, 120)
tifffile.imwrite("slide.tif", picture, resolution=(10000, 10000), resolutionunit="CENTIMETER", photometric="rgb")
seen = {}
for longest in (5000, 450):
    for given in (None, 1.0):
        length = do_mli("./slide.tif", save_pic=False, max_image_length=longest, lateral_resolution=given)
        seen[longest, given] = round(float(length), 1)
        print(f"max_image_length {longest}, lateral_resolution {given}: {seen[longest, given]} µm")
if seen != {(5000, None): 55.5, (5000, 1.0): 55.5, (450, None): 55.9, (450, 1.0): 28.0}:
    sys.exit("The behavior has changed: the lengths are others.")
PY
