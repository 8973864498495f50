#!/usr/bin/env bash
# cocoutils-cv merges COCO files that count from 1 so that the first new image has the number of the last old one.
#
# Versions: cocoutils-cv 0.0.2, pycocotools 2.0.11, OpenCV 4.11.0.86.
# Behavior: new images and objects are numbered from how many there were, not from the largest number plus one. The
#     largest number is only looked at if it is larger than the count, which it is not for 1, 2, 3.
# Expected: every image and every object of the merged file has a number of its own.
# Seen: three images and two, each with one nucleus, numbered from 1: the merged numbers are 1, 2, 3, 3, 4. pycocotools
#     reads for the last old image twice the nucleus of the first new one; its own nucleus is found nowhere.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 opencv-python-headless==4.11.0.86 \
    pycocotools==2.0.11 matplotlib==3.10.8 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cocoutils-cv==0.0.2
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from cocoutils import Transfer
from pycocotools.coco import COCO

print({name: version(name) for name in ("cocoutils-cv", "pycocotools", "opencv-python-headless")})


def write(path, names, left):
    images = [{"id": i, "file_name": name, "width": 200, "height": 200} for i, name in enumerate(names, 1)]
    boxes = [[left + 10 * i, 20, 10, 10] for i in range(len(names))]
    keys = {"category_id": 0, "area": 100, "iscrowd": 0}
    objects = [{"id": i, "image_id": i, "bbox": box, **keys} for i, box in enumerate(boxes, 1)]
    data = {"images": images, "annotations": objects, "categories": [{"id": 0, "name": "nucleus"}]}
    Path(path).write_text(json.dumps(data))
    return dict(zip(names, boxes))


given = write("first.json", ["a1.png", "a2.png", "a3.png"], 0) | write("second.json", ["b1.png", "b2.png"], 100)
with contextlib.redirect_stdout(io.StringIO()):
    Transfer().mergeCoco("merged.json", "first.json", "second.json")
    coco = COCO("merged.json")
merged = json.loads(Path("merged.json").read_text())
numbers = [image["id"] for image in merged["images"]], [entry["id"] for entry in merged["annotations"]]
print("numbers of images", numbers[0], "of objects", numbers[1])
read = {}
for image in merged["images"]:
    read[image["file_name"]] = [entry["bbox"] for entry in coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))]
    print(image["file_name"], "given", given[image["file_name"]], "read", read[image["file_name"]])
if numbers != ([1, 2, 3, 3, 4], [1, 2, 3, 3, 4]) or read["a3.png"] != [given["b1.png"]] * 2:
    sys.exit("The behavior has changed: the numbers are others.")
PY
