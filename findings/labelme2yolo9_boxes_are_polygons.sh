#!/usr/bin/env bash
# labelme2yolo9, asked for boxes, writes polygons and circles as polygons: of three lesions one line is a box.
#
# Versions: Labelme2YOLO9 0.2, OpenCV 4.11.0.86, scikit-learn 1.7.2.
# Behavior: only shapes of two points become boxes. All others get a line with all of their points, as for the output
#     format "polygon"; the numbers of a box are centers and sizes, those of a polygon corners.
# Expected: a line of five numbers for each shape, class, center, width and height, as the option says.
# Seen: a rectangle, a polygon of five points and a circle, all 20 pixels wide: lines of 5, 11 and 73 numbers.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    pillow==11.3.0 scikit-learn==1.7.2 scipy==1.15.3 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps Labelme2YOLO9==0.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

print({name: version(name) for name in ("Labelme2YOLO9", "opencv-python-headless", "scikit-learn")})
points = {
    "rectangle": [[10, 10], [30, 30]],
    "polygon": [[40, 10], [60, 10], [60, 20], [50, 30], [40, 20]],
    "circle": [[80, 20], [90, 20]],
}
shapes = [{"label": "lesion", "shape_type": kind, "points": values} for kind, values in points.items()]
Path("labelme").mkdir()
for name in ("a", "b", "c", "d"):
    Image.fromarray(np.zeros((100, 100, 3), np.uint8)).save(f"labelme/{name}.png")
    data = {"shapes": shapes, "imagePath": f"{name}.png", "imageData": None, "imageHeight": 100, "imageWidth": 100}
    Path(f"labelme/{name}.json").write_text(json.dumps(data))
options = ["--json_dir", "labelme", "--output_format", "bbox", "--val_size", "0.25"]
quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
subprocess.run([sys.executable, "-m", "labelme2yolo9", *options], check=True, **quiet)
files = sorted(Path("labelme/YOLO9Dataset").glob("*/labels/*.txt"))
counts = [[len(line.split()) for line in file.read_text().splitlines()] for file in files]
print(f"{len(files)} files; numbers in the lines of", *points, "of the first:", counts[0])
if counts != [[5, 11, 73]] * 4:
    sys.exit("The behavior has changed: the lines are others.")
PY
