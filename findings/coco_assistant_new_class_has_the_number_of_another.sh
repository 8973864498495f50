#!/usr/bin/env bash
# coco-assistant merges two data sets so that kidneys are tumors if the numbers of the first one's classes have a gap.
#
# Versions: coco-assistant 0.4.0, pycocotools 2.0.11, pandas 2.3.3, NumPy 2.2.6.
# Behavior: a class that only the second data set has gets the number of classes of the first one plus one. If those are
#     not numbered from 1 without a gap, that number may be another class's already. The merged file lists two classes
#     with one number, and their objects cannot be told apart; pycocotools keeps the name that comes last.
# Expected: a number of its own for each class.
# Seen: liver 1 and kidney 3, and a second data set with tumor 1. Merged: liver 1, kidney 3, tumor 3. Of one kidney and
#     one tumor pycocotools reads two tumors.
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

from coco_assistant import COCO_Assistant
from pycocotools.coco import COCO

print({name: version(name) for name in ("coco-assistant", "pycocotools", "pandas", "numpy")})


def data_set(name: str, classes: dict, objects: dict) -> None:
    Path("images", name).mkdir(parents=True)
    Path("annotations").mkdir(exist_ok=True)
    annotations = []
    for number, (label, x) in enumerate(objects.items(), 1):
        outline = [x, 10, x + 20, 10, x + 20, 30, x, 30]
        one = {"id": number, "image_id": 1, "category_id": classes[label], "segmentation": [outline]}
        annotations.append({**one, "bbox": [x, 10, 20, 20], "area": 400, "iscrowd": 0})
    content = {
        "images": [{"id": 1, "file_name": f"{name}.png", "width": 64, "height": 64}],
        "categories": [{"id": number, "name": label} for label, number in classes.items()],
        "annotations": annotations,
    }
    Path("annotations", f"{name}.json").write_text(json.dumps(content))


data_set("first", {"liver": 1, "kidney": 3}, {"liver": 5, "kidney": 35})
data_set("second", {"tumor": 1}, {"tumor": 20})
COCO_Assistant("images", "annotations").merge()
merged = COCO("results/merged/annotations/merged.json")
classes = [(one["name"], one["id"]) for one in merged.dataset["categories"]]
objects = [merged.cats[one["category_id"]]["name"] for one in merged.dataset["annotations"]]
print(f"classes: {classes}; objects: {objects}")
if classes != [("liver", 1), ("kidney", 3), ("tumor", 3)] or objects != ["liver", "tumor", "tumor"]:
    print("The behavior has changed: the classes are others.")
    sys.exit(1)
PY
