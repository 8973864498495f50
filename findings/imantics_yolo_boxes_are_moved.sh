#!/usr/bin/env bash
# imantics writes the corner of a box where YOLO has its middle: every object is moved by half of its size.
#
# Versions: imantics 0.1.12, NumPy 2.2.6, OpenCV 5.0.0.93.
# Behavior: a line of YOLO is the class, the middle of the box (x, y) and its width and height, as fractions of the
#     image. Annotation.yolo writes the upper left corner instead of the middle. Read as YOLO, the box reaches from half
#     of its size above and to the left of the object to its middle.
# Expected: the middle of the box; "generates YOLO format of annotation (using the bounding box)".
# Seen: a nucleus in columns 60 ... 99 and rows 20 ... 39 of an image of 200 x 100 pixels: x 0.3, y 0.2, so the box that
#     a reader of YOLO makes of it is at columns 40.5 ... 79.5 and rows 10.5 ... 29.5: IoU 0.14 with the object's box.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 lxml==6.1.3 xmljson==0.2.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps imantics==0.1.12
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from imantics import Annotation, Category, Image, Mask

print({name: version(name) for name in ("imantics", "numpy", "opencv-python-headless")})
nucleus = np.zeros((100, 200), bool)
nucleus[20:40, 60:100] = True
image = Image(np.zeros((100, 200, 3), np.uint8))
annotation = Annotation(image=image, category=Category("nucleus"), mask=Mask(nucleus))
x, y, width, height = (float(value) for value in annotation.yolo().split()[1:])
# The box as any reader of YOLO makes it, from the middle
left, right = (x - width / 2) * 200, (x + width / 2) * 200
top, bottom = (y - height / 2) * 100, (y + height / 2) * 100
own = annotation.bbox.bbox()
common = max(0, min(right, own[2]) - max(left, own[0])) * max(0, min(bottom, own[3]) - max(top, own[1]))
union = (right - left) * (bottom - top) + (own[2] - own[0]) * (own[3] - own[1]) - common
print(f"box of the nucleus {tuple(int(value) for value in own)}, line of YOLO: {annotation.yolo()}")
print(f"read: {left:.1f}, {top:.1f}, {right:.1f}, {bottom:.1f}, IoU {common / union:.2f}")
seen = (x, y, *(round(value, 1) for value in (left, right, top, bottom)), round(common / union, 2))
if seen != (0.3, 0.2, 40.5, 79.5, 10.5, 29.5, 0.14):
    sys.exit("The behavior has changed: the box is elsewhere.")
PY
