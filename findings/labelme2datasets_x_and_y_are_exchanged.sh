#!/usr/bin/env bash
# labelme2datasets writes x and y of boxes exchanged into Pascal VOC files: a lesion at the right is at the bottom.
#
# Versions: labelme2datasets 0.0.4, labelme 5.4.1, lxml 6.1.0, NumPy 1.26.4.
# Behavior: the corners of a box are handed on as ymin, xmin, ymax, xmax, and written in this order as xmin, ymin, xmax,
#     ymax. The size of the image is right.
# Expected: xmin and xmax from x, as in other files of Pascal VOC, and as voc2coco of the same package reads them.
# Seen: a lesion from x = 130 to 190 and y = 10 to 30 in an image of 200 × 100 pixels: the file says x = 10 to 30 and
#     y = 130 to 190, which is below the image.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 labelme==5.4.1 imgviz==1.7.5 lxml==6.1.0 \
    progressbar==2.5 scikit-image==0.24.0 scipy==1.13.1 matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps labelme2datasets==0.0.4
cd "$work"
QT_QPA_PLATFORM=offscreen MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import base64
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import labelme
import numpy as np
from labelme2datasets.labelme_bbox_json2voc import get_xml_with_labelfile
from PIL import Image

print({name: version(name) for name in ("labelme2datasets", "labelme", "lxml", "numpy")})
width, height, left, right, top, bottom = 200, 100, 130, 190, 10, 30
content = io.BytesIO()
Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(content, "PNG")
points = [[left, top], [right, top], [right, bottom], [left, bottom]]
shape = {"label": "lesion", "points": points, "group_id": None, "shape_type": "polygon", "flags": {}}
data = {"version": "5.4.1", "flags": {}, "shapes": [shape], "imagePath": "a.png"}
data |= {"imageData": base64.b64encode(content.getvalue()).decode(), "imageHeight": height, "imageWidth": width}
Path("a.json").write_text(json.dumps(data))
file = labelme.LabelFile(filename="a.json")
xml, _, _ = get_xml_with_labelfile(file, "a", {}, ("_background_", "lesion"))
size = {key: int(xml.findtext(f"size/{key}")) for key in ("width", "height")}
seen = {key: int(float(xml.findtext(f"object/bndbox/{key}"))) for key in ("xmin", "ymin", "xmax", "ymax")}
print(f"lesion from x = {left} to {right} and y = {top} to {bottom}; image", size, "box", seen)
if size != {"width": 200, "height": 100} or list(seen.values()) != [top, left, bottom, right]:
    sys.exit("The behavior has changed: the box is another.")
PY
