#!/usr/bin/env bash
# The wall of a gland, two pixels thick, has half of its area in cv2geojson, and a wall of one pixel none.
#
# Versions: cv2geojson 0.0.9, geojson 3.3.0, OpenCV 5.0.0.93, NumPy 2.2.6.
# Behavior: contours go through the middles of pixels. That of the gland is half a pixel too narrow on each side, and
#     that of the hole, which goes through the pixels around it, half a pixel too wide. area() takes one from the other.
# Expected: about the number of pixels, as with mode="imagej".
# Seen: a square ring of 40 x 40 pixels, walls of 1, 2, 3, 5 and 10 pixels: 2, 154, 298, 562 and 1082 instead of 156,
#     304, 444, 700 and 1200. With mode="imagej" the numbers of pixels.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 geojson==3.3.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cv2geojson==0.0.9
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from cv2geojson import find_geocontours

print({name: version(name) for name in ("cv2geojson", "geojson", "opencv-python-headless", "numpy")})
seen = []
for wall in (1, 2, 3, 5, 10):
    mask = np.zeros((60, 60), np.uint8)
    mask[10:50, 10:50] = 255
    mask[10 + wall:50 - wall, 10 + wall:50 - wall] = 0
    areas = [float(find_geocontours(mask, mode=mode)[0].area()) for mode in ("opencv", "imagej")]
    seen.append([int((mask > 0).sum()), *areas])
    print(f"wall of {wall} pixels: {seen[-1][0]} pixels, area {areas[0]}, with mode='imagej' {areas[1]}")
if seen != [[156, 2, 156], [304, 154, 304], [444, 298, 444], [700, 562, 700], [1200, 1082, 1200]]:
    sys.exit("The behavior has changed: the areas are others.")
PY
