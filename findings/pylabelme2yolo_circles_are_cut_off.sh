#!/usr/bin/env bash
# pylabelme2yolo's box of a circle goes from its center to the point on its rim: a quarter of a nucleus, or nothing.
#
# Versions: pylabelme2yolo 0.1.1, Pillow 11.3.0, NumPy 2.2.6.
# Behavior: LabelMe stores a circle as its center and a point on its rim. The box is that of these two points.
# Expected: the box around the circle, whichever point of its rim was clicked at.
# Seen: three equal nuclei with a radius of 10 pixels, drawn by clicking to the lower right of the center, to its right
#     and below it. The boxes are 7 × 7, 10 × 0 and 0 × 10 pixels instead of 20 × 20.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pillow==11.3.0 tqdm==4.67.1 typer==0.16.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pylabelme2yolo==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - 2> "$work/bars" <<'PY'
import json
import math
import sys
from importlib.metadata import version
from pathlib import Path

from PIL import Image
from pylabelme2yolo.converter import convert_labelme_to_yolo

print({name: version(name) for name in ("pylabelme2yolo", "pillow", "numpy")})
folder = Path("labelme")
folder.mkdir()
Image.new("RGB", (200, 100)).save(folder / "case.jpg")
(folder / "classes.txt").write_text("0: nucleus")
shapes = []
for number, degrees in enumerate((45, 0, 90)):
    center = (40 + 60 * number, 50)
    rim = (center[0] + 10 * math.cos(math.radians(degrees)), center[1] + 10 * math.sin(math.radians(degrees)))
    shapes.append({"label": "nucleus", "points": [center, rim], "shape_type": "circle", "group_id": None, "flags": {}})
case = {"version": "5.5.0", "imagePath": "case.jpg", "imageData": None, "imageHeight": 100, "imageWidth": 200}
(folder / "case.json").write_text(json.dumps({**case, "flags": {}, "shapes": shapes}))
convert_labelme_to_yolo(folder, val_size=0.0)
lines = (folder / "data/labels/train/case.txt").read_text().splitlines()
sizes = [(round(float(line.split()[3]) * 200), round(float(line.split()[4]) * 100)) for line in lines]
print("widths and heights of the boxes in pixels:", sizes)
if sizes != [(7, 7), (10, 0), (0, 10)]:
    sys.exit("The behavior has changed: the boxes are others.")
PY
