#!/usr/bin/env bash
# The lumen of a gland has a box of its own in dtlpy, and counts as another gland.
#
# Versions: dtlpy 1.126.5, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: all contours of a mask become polygons and all polygons boxes, those of holes as well. Nothing says which
#     are holes.
# Expected: "Box annotations list to each separated segmentation".
# Seen: a gland with a lumen and a small gland: three boxes, the second one is (49, 49, 80, 80) around the lumen, of
#     which no pixel is in the mask. Polygons drawn into a mask again fill the lumen: 10036 pixels instead of 9136.
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

import dtlpy
import numpy as np

print({name: version(name) for name in ("dtlpy", "opencv-python-headless", "numpy")})
mask = np.zeros((200, 200), np.uint8)
mask[20:120, 20:120] = 1
mask[50:80, 50:80] = 0
mask[150:156, 150:156] = 1
boxes = [
    (int(box.left), int(box.top), int(box.right), int(box.bottom))
    for box in dtlpy.Segmentation(geo=mask, label="gland").to_box()
]
again = np.zeros_like(mask)
for polygon in dtlpy.Polygon.from_segmentation(mask, "gland", max_instances=None):
    again |= dtlpy.Segmentation.from_polygon(polygon.geo, "gland", mask.shape).geo.astype(np.uint8)
sizes = int(mask.sum()), int(again.sum())
print(f"two glands, one with a lumen: boxes {boxes}; {sizes[0]} pixels, drawn from their polygons {sizes[1]}")
if (boxes, sizes) != ([(20, 20, 119, 119), (49, 49, 80, 80), (150, 150, 155, 155)], (9136, 10036)):
    sys.exit("The behavior has changed: the boxes are others.")
PY
