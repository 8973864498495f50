#!/usr/bin/env bash
# coco-assistant draws two objects of the same area as one class: of a liver and a kidney it makes two kidneys.
#
# Versions: coco-assistant 0.4.0, pycocotools 2.0.11, pandas 2.3.3, NumPy 2.2.6.
# Behavior: get_segmasks numbers the objects of an image by their area, so that small ones lie on top, and keeps for
#     each area the class that came last. Objects of one area share a number, and so a class. Areas are whole numbers of
#     pixels if they were counted in masks, and small lesions or boxes of a fixed size often have the same.
# Expected: each object in its own class.
# Seen: a liver and a kidney of 400 pixels each: 800 pixels of kidney and none of liver. With a kidney of 380: 400 and
#     380.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 matplotlib==3.10.8 \
    seaborn==0.13.2 pillow==11.3.0 tqdm==4.67.1 pycocotools==2.0.11
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps coco-assistant==0.4.0
cd "$work"
"$work/venv/bin/python" -W ignore - 2> errors.txt <<'PY' || { tail -3 errors.txt; exit 1; }
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from coco_assistant import COCO_Assistant
from PIL import Image

print({name: version(name) for name in ("coco-assistant", "pycocotools", "pandas", "numpy")})
images = []
annotations = []
for image, height in ((1, 20), (2, 19)):
    images.append({"id": image, "file_name": f"{image}.png", "width": 64, "height": 64})
    for label, x, tall in ((1, 5, 20), (2, 35, height)):
        outline = [x, 10, x + 20, 10, x + 20, 10 + tall, x, 10 + tall]
        one = {"id": len(annotations) + 1, "image_id": image, "category_id": label, "segmentation": [outline]}
        annotations.append({**one, "bbox": [x, 10, 20, tall], "area": 20 * tall, "iscrowd": 0})
Path("images", "organs").mkdir(parents=True)
Path("annotations").mkdir()
classes = [{"id": 1, "name": "liver"}, {"id": 2, "name": "kidney"}]
content = {"images": images, "categories": classes, "annotations": annotations}
Path("annotations", "organs.json").write_text(json.dumps(content))
COCO_Assistant("images", "annotations").get_segmasks(palette=False)
seen = {}
for image in (1, 2):
    mask = np.asarray(Image.open(f"results/segmasks/organs/{image}.png"))
    seen[image] = [int((mask == label).sum()) for label in (1, 2)]
    print(f"image {image}: {seen[image][0]} pixels of liver, {seen[image][1]} of kidney")
if seen != {1: [0, 800], 2: [400, 380]}:
    print("The behavior has changed: the masks are others.")
    sys.exit(1)
PY
