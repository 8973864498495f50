#!/usr/bin/env bash
# bm2bbox writes two boxes for every object of a binary mask, and none if the objects are 1 instead of 255.
#
# Versions: bm2bbox 1.0.4, OpenCV 4.11.0.86, geojson 3.2.0.
# Behavior: boxes are drawn around the contours of the edges of the mask. An edge is a closed line of a pixel, which has
#     an outer and an inner contour. Edges are steps of 50 gray values or more.
# Expected: a box for each object, as the program says that it converts masks to bounding boxes.
# Seen: a mask with three nuclei has six boxes in its GeoJSON file, pairs of equal ones; the same mask of 0 and 1 has
#     none.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    geojson==3.2.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps bm2bbox==1.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

print({name: version(name) for name in ("bm2bbox", "opencv-python-headless", "geojson")})
seen = {}
for value in (255, 1):
    mask = np.zeros((100, 200), np.uint8)
    cv2.circle(mask, (30, 50), 15, value, -1)
    cv2.rectangle(mask, (100, 30), (150, 70), value, -1)
    cv2.circle(mask, (180, 20), 3, value, -1)
    cv2.imwrite("mask.png", mask)
    command = [sys.executable, "-m", "bm2bbox.main", "-input", "mask.png", "-s", "-output", "boxes.geojson"]
    subprocess.run(command, check=True)
    features = json.loads(Path("boxes.geojson").read_text())["features"]
    seen[value] = [tuple(feature["geometry"]["coordinates"][0][i] for i in (0, 2)) for feature in features]
    objects = cv2.connectedComponents(mask)[0] - 1
    print(f"{objects} objects of {value}: {len(features)} boxes", *seen[value])
boxes = [json.dumps(box) for box in seen[255]]
if len(boxes) != 6 or len(set(boxes)) != 3 or seen[1]:
    sys.exit("The behavior has changed: there are other boxes.")
PY
