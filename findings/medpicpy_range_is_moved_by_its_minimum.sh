#!/usr/bin/env bash
# MedPicPy rescales images to −2 ... 0 where −1 ... 1 is asked for.
#
# Versions: MedPicPy 1.0.4, OpenCV 4.11.0.86, SimpleITK 2.5.7, pandas 2.3.3, NumPy 2.2.6.
# Behavior: rescale_options["min"] is added twice. With the default, 0 to 1, it does not show; with any other range all
#     values are moved by the minimum: −1 to 1 becomes −2 to 0, and 1 to 2 becomes 2 to 3.
# Expected: the smallest value of the image at "min", the largest at "max".
# Seen: a DICOM slice with −1000, 0, 40 and 1000 HU. 0 to 1: 0, 0.5, 0.52, 1. −1 to 1: −2, −1, −0.96, 0. 1 to 2: 2, 2.5,
#     2.52, 3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 simpleitk==2.5.7 \
    opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medpicpy==1.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medpicpy import config, io

print({name: version(name) for name in ("medpicpy", "opencv-python-headless", "simpleitk", "pandas", "numpy")})
sitk.WriteImage(sitk.GetImageFromArray(np.tile(np.array([-1000, 0, 40, 1000], np.int16), (4, 1))), "slice.dcm")
config.rescale = True
seen = {}
for low, high in ((0, 1), (-1, 1), (1, 2)):
    config.rescale_options = {"method": "per_image", "min": low, "max": high}
    seen[low, high] = io.load_image("slice.dcm")[0].round(2).tolist()
    print(f"{low} to {high}: {seen[low, high]}")
if seen != {(0, 1): [0.0, 0.5, 0.52, 1.0], (-1, 1): [-2.0, -1.0, -0.96, 0.0], (1, 2): [2.0, 2.5, 2.52, 3.0]}:
    sys.exit("The behavior has changed: the values are others.")
PY
