#!/usr/bin/env bash
# ctu moves the width and the height of boxes like places: boxes of cropped images vanish, those of padded ones grow.
#
# Versions: ctu 0.2.1, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: the four numbers of a box are taken for two points, so that the size of the box is shifted by the crop or
#     the padding, too. Polygons are right.
# Expected: boxes around their polygons, as the package is to transform annotations as the image is.
# Seen: a tumor with a box of 40 × 20 pixels and one of 5 × 5. In the image cropped by 20 pixels the boxes are 20 × 0
#     and 0 × 0, in that padded with 50 pixels 90 × 70 and 55 × 55; the polygons keep their sizes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ctu==0.2.1
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from ctu import Coco2CocoRel, CocoRel2CocoSpecificSize

print({name: version(name) for name in ("ctu", "opencv-python-headless", "numpy")})
annotations = []
for number, (left, top, width, height) in enumerate(((40, 40, 40, 20), (45, 70, 5, 5)), 1):
    right, bottom = left + width, top + height
    outline = [left, top, right, top, right, bottom, left, bottom]
    common = {"id": number, "image_id": 1, "category_id": 1, "area": width * height, "iscrowd": 0}
    annotations.append({**common, "bbox": [left, top, width, height], "segmentation": [outline]})
image = {"id": 1, "file_name": "case.png", "width": 100, "height": 100}
coco = {"info": {}, "images": [image], "categories": [{"id": 1, "name": "tumor"}], "annotations": annotations}
cropped = Coco2CocoRel().run(coco, rel_crop_pt1_pt2=((0.2, 0.2), (0.9, 0.9)))
padded = Coco2CocoRel().run(coco, offset="orig_to_pad", rel_padding_ht_wd=(0.5, 0.5))
boxes, outlines = {}, {}
for name, relative, size in (("cropped", cropped, (70, 70)), ("padded", padded, (200, 200))):
    result = CocoRel2CocoSpecificSize().run(relative, desired_ht_wd=size)["annotations"]
    boxes[name] = [[round(value) for value in item["bbox"][2:]] for item in result]
    corners = [item["segmentation"][0] for item in result]
    outlines[name] = [[round(max(c[::2]) - min(c[::2])), round(max(c[1::2]) - min(c[1::2]))] for c in corners]
    print(f"{name}: sizes of the boxes {boxes[name]}, of the polygons {outlines[name]}")
known = {"cropped": [[20, 0], [0, 0]], "padded": [[90, 70], [55, 55]]}
if boxes != known or any(sizes != [[40, 20], [5, 5]] for sizes in outlines.values()):
    sys.exit("The behavior has changed: the sizes are others.")
PY
