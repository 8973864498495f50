#!/usr/bin/env bash
# The polygon of a nucleus is a triangle or a rectangle in dtlpy if a large object is in the same mask.
#
# Versions: dtlpy 1.126.5, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: the accuracy of polygons is a share of the length of a contour. It is computed for the largest object and
#     kept for all others, in pixels: 2 pixels for an object of 1000 x 1000, 5 for one of 2500 x 2500.
# Expected: 0.0005 of the length of its own contour for each object, as where it is alone.
# Seen: a nucleus with a radius of 8 pixels alone: 36 corners, area 174. Beside tissue of 2490 x 2490 pixels: 4 corners,
#     area 128. A nucleus with a radius of 20 pixels: 8 corners, area 1120, instead of 68 and 1200.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==2.3.3 opencv-python-headless==4.11.0.86 dtlpy==1.126.5
cd "$work"
HOME="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import cv2
import dtlpy
import numpy as np

print({name: version(name) for name in ("dtlpy", "opencv-python-headless", "numpy")})
seen = {}
for tissue in (False, True):
    mask = np.zeros((3000, 3000), np.uint8)
    if tissue:
        mask[10:2500, 10:2500] = 1
    for radius in (8, 20):
        nucleus = mask.copy()
        cv2.circle(nucleus, (2800, 2800), radius, 1, -1)
        polygons = dtlpy.Polygon.from_segmentation(nucleus, "nucleus", max_instances=None)
        smallest = polygons[-1].geo if tissue else polygons.geo
        seen[tissue, radius] = len(smallest), float(cv2.contourArea(smallest.astype(np.float32)))
        print(f"nucleus with a radius of {radius} pixels, {'beside tissue' if tissue else 'alone'}: "
              f"{seen[tissue, radius][0]} corners, area {seen[tissue, radius][1]}")
expected = {(False, 8): (36, 174), (False, 20): (68, 1200), (True, 8): (4, 128), (True, 20): (8, 1120)}
if seen != expected:
    sys.exit("The behavior has changed: the polygons are others.")
PY
