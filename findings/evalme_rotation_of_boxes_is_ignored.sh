#!/usr/bin/env bash
# Label Studio's evalme leaves the rotation of boxes out: two at right angles, side by side, have an IoU of 1.
#
# Versions: label-studio-evalme 0.0.18, label-studio-converter 0.0.59, shapely 2.1.2.
# Behavior: a rectangle of Label Studio has a rotation around its upper left corner, which annotators turn by its
#     handle. iou_bboxes compares x, y, width and height only; whatever the rotations are, the result is that of upright
#     boxes.
# Expected: the IoU of the boxes that are seen in the editor.
# Seen: a box of 30 x 6 pixels and the same turned by 90 degrees, which lies beside it: IoU 1.0. The shapes have nothing
#     in common. The same two as polygons: 0.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 shapely==2.1.2 xmljson==0.2.1 lxml==6.1.3 attrs==26.1.0 requests==2.34.2 textdistance==4.6.3
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    pandas==2.3.3 pillow==13.0.0 opencv-python-headless==4.11.0.86 ijson==3.5.1 ujson==6.1.0 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps \
    label-studio-converter==0.0.59 label-studio-sdk==2.1.2 label-studio-evalme==0.0.18
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from evalme.image.object_detection import iou_bboxes, iou_polygons

print({name: version(name) for name in ("label-studio-evalme", "label-studio-converter", "shapely", "numpy")})


def shape(kind: str, **value) -> list[dict]:
    common = {"from_name": "label", "to_name": "image", "original_width": 100, "original_height": 100}
    return [{"type": kind, **common, "value": {kind: ["vessel"], **value}}]


# in percent of an image of 100 x 100 pixels; turned clockwise around (40, 40) the box lies left of its corner
boxes = [shape("rectanglelabels", x=40, y=40, width=30, height=6, rotation=angle) for angle in (0, 90)]
outlines = [[40, 40], [70, 40], [70, 46], [40, 46]], [[40, 40], [40, 70], [34, 70], [34, 40]]
polygons = [shape("polygonlabels", points=points) for points in outlines]
seen = float(iou_bboxes(*boxes)), float(iou_polygons(*polygons))
print(f"two boxes at right angles, side by side: IoU {seen[0]}; as polygons {seen[1]}")
if seen != (1.0, 0.0):
    sys.exit("The behavior has changed: the IoU is another one.")
PY
