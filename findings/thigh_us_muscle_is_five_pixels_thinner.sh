#!/usr/bin/env bash
# thigh-us-segmentation measures the largest thickness of a muscle in a mask that was eroded: five pixels are missing.
#
# Versions: thigh-us-segmentation 0.2.9, SciPy 1.15.3, pandas 2.3.3, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the mask of the rectus femoris is eroded twice before anything is measured. rf_alt_mm is the distance
#     between the first and the last row that are left, so it lacks two rows at each side and one more. rf_mm, which
#     looks for the bright fascia next to them in the image, does not.
# Expected: the thickness of the mask, 40 or 39 pixels of 40.
# Seen: a muscle of 40 pixels of 0.1 mm: rf_alt_mm 3.5, rf_mm 4.0. Of 10 pixels: 0.5 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 SimpleITK==2.5.7 \
    opencv-python-headless==4.11.0.86 pydicom==3.0.1 requests==2.32.5
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps thigh-us-segmentation==0.2.9
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from ThighUSSegmentation import extract_distances_dataframe

print({name: version(name) for name in ("thigh-us-segmentation", "scipy", "pandas", "SimpleITK", "numpy")})
seen = {}
for thickness in (40, 10):
    labels = np.zeros((1, 300, 200), np.uint8)
    labels[0, 20:25] = 1
    labels[0, 100 : 100 + thickness, 50:150] = 3
    labels[0, 200:240, 80:120] = 2
    image = np.zeros((1, 300, 200), np.uint8)
    image[0, [100, 100 + thickness]] = 200
    for name, array in (("image.mha", image), ("labels.mha", labels)):
        volume = sitk.GetImageFromArray(array)
        volume.SetSpacing((0.1, 0.1, 1))
        sitk.WriteImage(volume, name)
    table, _ = extract_distances_dataframe("image.mha", "labels.mha", "marks", "case")
    seen[thickness] = [round(float(table[name][0]), 3) for name in ("rf_alt_mm", "rf_mm")]
    print(f"muscle of {thickness} pixels of 0.1 mm: rf_alt_mm {seen[thickness][0]}, rf_mm {seen[thickness][1]}")
if [seen[40], seen[10][0]] != [[3.5, 4.0], 0.5]:
    sys.exit("The behavior has changed: the thickness is another.")
PY
