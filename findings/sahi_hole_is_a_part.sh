#!/usr/bin/env bash
# sahi writes the hole of an object into a COCO file as a further part of the object.
#
# Versions: sahi 0.12.8, pycocotools 2.0.11, OpenCV 4.11.0.86, shapely 2.1.2.
# Behavior: get_coco_segmentation_from_bool_mask lists all contours of a mask, outlines and edges of holes alike. In a
#     COCO file every polygon in the list is a part of the object, so that the hole is filled when the file is read.
#     sahi itself reads it by crossing out what lies in two polygons and gets the mask back, which hides it. The area it
#     writes leaves the hole out, and half a pixel along every edge.
# Expected: the object with its hole, as runs of pixels if polygons cannot have it, or a filled one of the same area.
# Seen: an object of 20 x 40 pixels less a hole of 10 x 20: 600 pixels, written with area 512. Read by sahi 600, by
#     pycocotools 741, among them all 200 of the hole.
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
from pycocotools import mask as coco
from sahi.utils.coco import CocoAnnotation
from sahi.utils.cv import get_bool_mask_from_coco_segmentation, get_coco_segmentation_from_bool_mask

print({name: version(name) for name in ("sahi", "pycocotools", "opencv-python-headless", "shapely", "numpy")})
HEIGHT, WIDTH = 60, 90
mask = np.zeros((HEIGHT, WIDTH), bool)
mask[10:30, 10:50] = True
mask[15:25, 20:40] = False
polygons = get_coco_segmentation_from_bool_mask(mask)
area = CocoAnnotation.from_coco_segmentation(segmentation=polygons, category_id=1, category_name="wall").area
by_sahi = get_bool_mask_from_coco_segmentation(polygons, WIDTH, HEIGHT)
by_coco = coco.decode(coco.merge(coco.frPyObjects(polygons, HEIGHT, WIDTH))).astype(bool)
seen = int(mask.sum()), len(polygons), area, int(by_sahi.sum()), int(by_coco.sum()), int(by_coco[15:25, 20:40].sum())
print(f"{seen[0]} pixels, written as {seen[1]} polygons with area {seen[2]}; read by sahi: {seen[3]} pixels, by "
      f"pycocotools: {seen[4]}, {seen[5]} of the 200 of the hole")
if seen != (600, 2, 512, 600, 741, 200):
    sys.exit("The behavior has changed: the object is another one.")
PY
