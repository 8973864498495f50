#!/usr/bin/env bash
# mask2bbox removes cells at the upper and left edge of the image and keeps those at the lower and right one.
#
# Versions: mask2bbox 0.0.28, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: boxes end with the number of the last row and column of a cell. remove_from_edge() compares them with the
#     size of the image, which no cell reaches. Sides and areas are differences of the same numbers: one pixel is
#     missing in each direction, and a box one pixel wide is no box.
# Expected: "the bounding boxes that are not on the edge of the image"; an area of 100 for 10 x 10 pixels.
# Seen: of five cells, four of them at the four edges, three stay: that in the middle and those below and to the right.
#     The box of 10 x 10 pixels has an area of 81. The box of a cell of 1 x 10 pixels has 0 and an IoU of 0 with itself.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scikit-image==0.26.0 matplotlib==3.11.2 mask2bbox==0.0.28
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mask2bbox._bboxes import BBoxes
from skimage import io

print({name: version(name) for name in ("mask2bbox", "scikit-image", "numpy")})
places = {
    "above": np.s_[0:10, 30:40],
    "below": np.s_[50:60, 30:40],
    "left": np.s_[25:35, 0:10],
    "right": np.s_[25:35, 70:80],
    "middle": np.s_[25:35, 35:45],
}
mask = np.zeros((60, 80), np.uint8)
for number, place in enumerate(places.values(), 1):
    mask[place] = number
io.imsave("mask.png", mask, check_contrast=False)
boxes = BBoxes.from_mask("mask.png")
kept = [list(places)[number - 1] for number in boxes.remove_from_edge().bboxes[:, 0]]
area = int(boxes.get_areas()[4, 1])
print(f"cells that are kept: {kept}; area of the box of 10 x 10 pixels in the middle: {area}")

mask[:] = 0
mask[30, 35:45] = 1
io.imsave("mask.png", mask, check_contrast=False)
boxes = BBoxes.from_mask("mask.png")
thin = int(boxes.get_areas()[0, 1]), float(boxes.iou(boxes.bboxes[0], boxes.bboxes[0]))
print(f"cell of 1 x 10 pixels: area of its box {thin[0]}, IoU with itself {thin[1]}")
if (kept, area, thin) != (["below", "right", "middle"], 81, (0, 0.0)):
    sys.exit("The behavior has changed: other cells are kept, or boxes are larger.")
PY
