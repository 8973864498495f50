#!/usr/bin/env bash
# The COCO box of a diagonal lesion has a negative height in label_convert.
#
# Versions: label_convert 0.3.0, OpenCV 5.0.0.93, NumPy 2.2.6.
# Behavior: from LabelMe polygons the smallest turned rectangle is computed, and two of its corners, opposite ones, are
#     written as a box along the axes. Which corner is the upper left one is decided as for an upright rectangle.
# Expected: the box around the polygon.
# Seen: an upright rectangle is right: (20, 20) with 20 x 30. A lesion from the upper left to the lower right, around it
#     (50, 10) with 60 x 50: (55, 5) with 50 x 60. From the lower left to the upper right, (60, 60) with 45 x 35:
#     (60, 90) with 45 x -25.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 tqdm==4.70.1 pyyaml==6.0.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps label_convert==0.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from label_convert.labelme_to_coco import LabelmeToCOCO

print({name: version(name) for name in ("label_convert", "opencv-python-headless", "numpy")})
lesions = {
    "upright": [[20, 20], [40, 20], [40, 50], [20, 50]],
    "falling": [[50, 10], [60, 10], [110, 60], [100, 60]],
    "rising": [[60, 90], [100, 60], [105, 65], [65, 95]],
}
Path("images").mkdir()
cv2.imwrite("images/a.png", np.zeros((100, 120), np.uint8))
shapes = [{"label": "lesion", "shape_type": "polygon", "points": points} for points in lesions.values()]
Path("images/a.json").write_text(json.dumps({"imageHeight": 100, "imageWidth": 120, "shapes": shapes}))
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    LabelmeToCOCO("images", "coco", val_ratio=0)()
written = json.loads(Path("coco/annotations/instances_train2017.json").read_text())["annotations"]
seen = {}
for (name, points), annotation in zip(lesions.items(), written):
    first, last = np.min(points, axis=0), np.max(points, axis=0)
    seen[name] = annotation["bbox"]
    print(f"{name}: box {seen[name]}, around the polygon {[*first.tolist(), *(last - first).tolist()]}")
if seen != {"upright": [20, 20, 20, 30], "falling": [55, 5, 50, 60], "rising": [60, 90, 45, -25]}:
    sys.exit("The behavior has changed: the boxes are others.")
PY
