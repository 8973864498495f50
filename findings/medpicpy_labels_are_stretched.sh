#!/usr/bin/env bash
# MedPicPy stretches every mask of a PNG file to 0 ... 1: class 2 is 1.0 in one image and 0.67 in another.
#
# Versions: MedPicPy 1.0.4, OpenCV 4.11.0.86, SimpleITK 2.5.7, pandas 2.3.3, NumPy 2.2.6.
# Behavior: images that are no DICOM or NIfTI files (PNG, JPEG, NumPy) are divided by their own maximum, also where
#     config.rescale is False, its default. What a class becomes depends on the other classes that are in its mask.
# Expected: values as they are stored, unless config.rescale is set ("rescale means that the images are automatically
#     scaled between 0 and 1 as they are loaded").
# Seen: masks with the classes 0 and 1; 0, 1, 2; and 0, 1, 2, 3, with rescale = False. Class 1 is read as 1.0, 0.5 and
#     0.33, class 2 as 1.0 and 0.67. Cast to integers, class 1 is background in two of three masks.
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

import cv2
import medpicpy
import numpy as np

print({name: version(name) for name in ("medpicpy", "opencv-python-headless", "simpleitk", "pandas", "numpy")})
paths = []
for classes in (2, 3, 4):
    mask = np.zeros((64, 64), np.uint8)
    for number in range(1, classes):
        mask[16 * number : 16 * number + 16, 10:40] = number
    paths.append(f"mask_of_{classes}.png")
    cv2.imwrite(paths[-1], mask)
masks = medpicpy.load_images_from_paths(paths, (64, 64))
seen = {path: np.unique(mask).round(2).tolist() for path, mask in zip(paths, masks)}
print(f"\nrescale: {medpicpy.config.rescale}; {seen}")
if medpicpy.config.rescale or list(seen.values()) != [[0.0, 1.0], [0.0, 0.5, 1.0], [0.0, 0.33, 0.67, 1.0]]:
    sys.exit("The behavior has changed: the values are others.")
PY
