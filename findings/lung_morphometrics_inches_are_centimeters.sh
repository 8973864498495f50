#!/usr/bin/env bash
# python-lung-morphometrics takes pixels per inch for pixels per centimeter: alveoli of 56 µm are 22 µm wide.
#
# Versions: python-lung-morphometrics 0.4.0, tifffile 2026.3.3, scikit-image 0.25.2, SciPy 1.15.3, NumPy 2.2.6.
# Behavior: the number of pixels in a TIFF file is read without its unit, which the file names. Centimeters are assumed;
#     inches, the unit that TIFF files have if they name none, make all lengths too small by 2.54. The lines along which
#     is measured are 190 µm apart then instead of 75.
# Expected: the same mean linear intercept, however the file states its resolution.
# Seen: one picture of square alveoli with 1 pixel per µm. 10000 pixels per centimeter: 55.5 µm. 25400 pixels per inch,
#     which is the same: 22.0 µm.
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
seen = {}
for unit, pixels in (("CENTIMETER", 10000), ("INCH", 25400)):
    tifffile.imwrite(f"{unit}.tif", picture, resolution=(pixels, pixels), resolutionunit=unit, photometric="rgb")
    seen[unit] = round(float(do_mli(f"./{unit}.tif", save_pic=False)), 1)
    print(f"{pixels} pixels per {unit.lower()}: {seen[unit]} µm")
if seen != {"CENTIMETER": 55.5, "INCH": 22.0}:
    sys.exit("The behavior has changed: the lengths are others.")
PY
