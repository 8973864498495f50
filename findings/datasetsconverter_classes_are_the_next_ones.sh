#!/usr/bin/env bash
# datasetsconverter gives every box the name of the next class: livers become spleens, and spleens tumors.
#
# Versions: datasetsconverter 0.0.1, Pillow 11.3.0.
# Behavior: the numbers of COCO, which begin at 1, are written into YOLO files as they are, next to a classes.txt whose
#     first line is class 0 to every reader of YOLO files, this package's own ones included.
# Expected: class 0 for the first name, and the same names again on the way back.
# Seen: a COCO file of a liver and a spleen, with a third class tumor. By the YOLO files the boxes are a spleen and a
#     tumor, and so they are in the COCO and the Pascal VOC file that are made from them.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile pillow==11.3.0 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps datasetsconverter==0.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - 2> "$work/bars" <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from datasetsconverter.conversions import DatasetConverter
from PIL import Image

print({name: version(name) for name in ("datasetsconverter", "pillow")})
names = ["liver", "spleen", "tumor"]
Path("images").mkdir()
Image.new("L", (100, 100)).save("images/case.png")
image = {"id": 1, "file_name": "case.png", "width": 100, "height": 100}
boxes = [
    {"id": k, "image_id": 1, "category_id": k, "bbox": [30 * k, 10, 20, 20], "area": 400, "iscrowd": 0} for k in (1, 2)
]
categories = [{"id": k, "name": name} for k, name in enumerate(names, 1)]
Path("boxes.json").write_text(json.dumps({"images": [image], "annotations": boxes, "categories": categories}))
converter = DatasetConverter()
converter.coco_to_yolo("boxes.json", "yolo", "images")
converter.yolo_to_coco("yolo", "coco/boxes.json", "images")
converter.yolo_to_pascalvoc("yolo", "voc", "images")
listed = Path("yolo/classes.txt").read_text().split()
lines = Path("yolo/labels/case.txt").read_text().splitlines()
coco = json.loads(Path("coco/boxes.json").read_text())
back = {category["id"]: category["name"] for category in coco["categories"]}
parts = Path("voc/Annotations/case.xml").read_text().split("<name>")[1:]
seen = {
    "YOLO": [listed[int(line.split()[0])] for line in lines],
    "COCO": [back[box["category_id"]] for box in coco["annotations"]],
    "VOC": [part.split("<")[0] for part in parts],
}
print("given:", [names[box["category_id"] - 1] for box in boxes], "seen:", seen)
if any(found != ["spleen", "tumor"] for found in seen.values()):
    sys.exit("The behavior has changed: the classes are others.")
PY
