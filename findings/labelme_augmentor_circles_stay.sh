#!/usr/bin/env bash
# labelme-augmentor flips an image with its polygons, but leaves its circles where they were.
#
# Versions: labelme-augmentor 0.1.1, OpenCV 4.11.0.86.
# Behavior: points of polygons, rectangles and single points are flipped, those of circles and lines are copied.
#     Rotation, scaling and translation move all of them.
# Expected: labels are flipped with their image, or a message says which of them are not.
# Seen: a polygon and a circle around two lesions, at x = 20 and y = 20 and at x = 80 and y = 70 of 100 × 100 pixels.
#     After a flip every pixel of the polygon is lesion and none of the circle.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps labelme-augmentor==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import random
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from labelme_augmentor import ImageAugmentor

print({name: version(name) for name in ("labelme-augmentor", "opencv-python-headless")})
image = np.zeros((100, 100, 3), np.uint8)
image[10:30, 10:30] = 200
cv2.circle(image, (80, 70), 10, (200, 200, 200), -1)
Path("in").mkdir()
cv2.imwrite("in/a.png", image)
shapes = [
    {"label": "lesion", "shape_type": "polygon", "points": [[10, 10], [29, 10], [29, 29], [10, 29]]},
    {"label": "lesion", "shape_type": "circle", "points": [[80, 70], [90, 70]]},
]
data = {"shapes": shapes, "imagePath": "a.png", "imageData": None, "imageHeight": 100, "imageWidth": 100}
Path("in/a.json").write_text(json.dumps(data))
random.seed(0)
messages = io.StringIO()
with contextlib.redirect_stdout(messages):
    results = ImageAugmentor("in", "out").augment_pair(Path("in/a.png"), Path("in/a.json"), "flip")
flipped, labels = cv2.imread(str(results[0][0])), json.loads(Path(results[0][1]).read_text())
shares = {}
for shape in labels["shapes"]:
    drawn, points = np.zeros((100, 100), np.uint8), np.int32(np.round(shape["points"]))
    if shape["shape_type"] == "circle":
        cv2.circle(drawn, points[0].tolist(), round(float(np.linalg.norm(points[1] - points[0]))), 1, -1)
    else:
        cv2.fillPoly(drawn, [points], 1)
    shares[shape["shape_type"]] = float((flipped[..., 0][drawn > 0] > 100).mean())
    print(f"{results[0][0].name}: {shape['shape_type']} {shape['points'][0]}: {shares[shape['shape_type']]:.2f} lesion")
if shares != {"polygon": 1.0, "circle": 0.0} or labels["shapes"][1]["points"] != shapes[1]["points"]:
    sys.exit("The behavior has changed: the labels are others.")
PY
