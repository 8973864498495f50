#!/usr/bin/env bash
# Contours that Label Studio's converter turns into brush strokes are scattered over images that are not square.
#
# Versions: label-studio-converter 0.0.59, label-studio-sdk 2.1.2, OpenCV 5.0.0.93, NumPy 2.4.6.
# Behavior: contour2rle takes the width and the height of the image and draws into an array of (width, height) instead
#     of (height, width), whose pixels it then writes one after the other: rows of the file have the length of columns.
#     What lies to the right of a column that is as large as the height is cut off. The copy of the function in the SDK
#     is the same, and in square images there is nothing to see. (mask2rle is right.)
# Expected: the pixels of the contour, after decoding as the converter itself decodes annotations.
# Seen: images 64 pixels wide and 40 high, objects of 100 pixels at columns 10 to 19 and 50 to 59, rows 5 to 14: the
#     first has 14 of its pixels left, and 86 elsewhere, in rows 3 to 9; of the second nothing is left.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pillow==13.0.0 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps \
    label-studio-converter==0.0.59 label-studio-sdk==2.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import importlib.util
import sys
from importlib.metadata import distribution, version

import cv2
import numpy as np

packages = ("label-studio-converter", "label-studio-sdk", "opencv-python-headless", "numpy")
print({name: version(name) for name in packages})
WIDTH, HEIGHT = 64, 40
seen = {}
for package, path in (
    ("label-studio-converter", "label_studio_converter/brush.py"),
    ("label-studio-sdk", "label_studio_sdk/converter/brush.py"),
):
    # the module alone, without what the whole package needs
    spec = importlib.util.spec_from_file_location("brush", distribution(package).locate_file(path))
    brush = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(brush)
    for first_column in (10, 50):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[5:15, first_column : first_column + 10] = 1
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        rle = brush.contour2rle(contours, 0, img_width=WIDTH, img_height=HEIGHT)
        read = brush.decode_rle(rle).reshape(HEIGHT, WIDTH, 4)[..., 3] > 0
        rows = np.flatnonzero(read.any(1))
        seen[package, first_column] = int(read.sum()), int((read & (mask > 0)).sum())
        print(
            f"{package}: {mask.sum()} pixels from column {first_column} on, read {seen[package, first_column][0]},",
            f"{seen[package, first_column][1]} at their place,",
            f"in rows {rows.min()} to {rows.max()}" if rows.size else "in no row",
        )
if set(seen.values()) != {(100, 14), (0, 0)}:
    sys.exit("The behavior has changed: the contours are read at other places.")
PY
