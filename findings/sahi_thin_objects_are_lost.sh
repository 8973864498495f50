#!/usr/bin/env bash
# sahi writes no vessel that is one pixel wide into a COCO file.
#
# Versions: sahi 0.12.8, pycocotools 2.0.11, OpenCV 4.11.0.86.
# Behavior: get_coco_segmentation_from_bool_mask takes the corners of contours and leaves out contours of fewer than
#     three of them: single pixels, and straight lines along a row, a column or a diagonal, however long. Of a mask that
#     has nothing else an empty list is left. Nothing is said; a line with a bend is written.
# Expected: all objects of the mask, as their runs of pixels if need be.
# Seen: a mask with a square of 100 pixels, a vessel of 55 along a row, one of 40 down a diagonal, and a pixel: 196
#     pixels in four objects. One polygon is written, which sahi reads as 100 pixels. Of the row alone: no polygon.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 shapely==2.1.2 opencv-python-headless==4.11.0.86 pycocotools==2.0.11 pillow==13.0.0
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    matplotlib==3.11.2 requests==2.34.2 tqdm==4.70.1 pyyaml==6.0.3 click==8.5.1 fire==0.7.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps sahi==0.12.8
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from sahi.utils.cv import get_bool_mask_from_coco_segmentation, get_coco_segmentation_from_bool_mask

print({name: version(name) for name in ("sahi", "pycocotools", "opencv-python-headless", "numpy")})
HEIGHT, WIDTH = 80, 100
row, column = np.indices((HEIGHT, WIDTH))
parts = {
    "square": (row >= 5) & (row < 15) & (column >= 5) & (column < 15),
    "row": (row == 20) & (column >= 5) & (column < 60),
    "diagonal": (row == column) & (row >= 35) & (row < 75),
    "pixel": (row == 10) & (column == 80),
}
masks = {"all": np.any(list(parts.values()), axis=0), **parts}
seen = {}
for name, mask in masks.items():
    polygons = get_coco_segmentation_from_bool_mask(mask)
    back = int(get_bool_mask_from_coco_segmentation(polygons, WIDTH, HEIGHT).sum()) if polygons else 0
    seen[name] = int(mask.sum()), len(polygons), back
    print(f"{name}: {seen[name][0]} pixels, {seen[name][1]} polygons, which are {back} pixels")
if seen != {
    "all": (196, 1, 100),
    "square": (100, 1, 100),
    "row": (55, 0, 0),
    "diagonal": (40, 0, 0),
    "pixel": (1, 0, 0),
}:
    sys.exit("The behavior has changed: other objects are written.")
PY
