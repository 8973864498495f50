#!/usr/bin/env bash
# coco-to-yolo exchanges liver and tumor if COCO lists its categories in another order than their numbers.
#
# Versions: coco-to-yolo 1.2.1, tqdm 4.67.1, PyYAML 6.0.2.
# Behavior: boxes get the number of their category less one, names are written in the order of the list. COCO finds
#     categories by their number, in any order and with gaps. With gaps the numbers of boxes have no name.
# Expected: a box of the liver is one of the liver, or an error.
# Seen: categories 2 (tumor) and 1 (liver): a liver of 60 % of the image is written with class 0, which is tumor, and
#     a tumor of 4 % as liver. Listed as 1 and 2 both are right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile tqdm==4.67.1 PyYAML==6.0.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps coco-to-yolo==1.2.1
cd "$work"
PATH="$work/venv/bin:$PATH" "$work/venv/bin/python" -W ignore - <<'PY'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import yaml

print({name: version(name) for name in ("coco-to-yolo", "tqdm", "PyYAML")})
liver = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 60, 60], "area": 3600, "iscrowd": 0}
tumor = {"id": 2, "image_id": 1, "category_id": 2, "bbox": [30, 30, 4, 4], "area": 16, "iscrowd": 0}
names = [{"id": 1, "name": "liver"}, {"id": 2, "name": "tumor"}]
seen = {}
for order, categories in (("1, 2", names), ("2, 1", names[::-1])):
    source, target = Path(f"coco {order}"), Path(f"yolo {order}")
    (source / "images").mkdir(parents=True)
    (source / "annotations").mkdir()
    target.mkdir()
    (source / "images" / "slice.png").write_bytes(b"")
    coco = {"images": [{"id": 1, "file_name": "slice.png", "width": 100, "height": 100}],
            "annotations": [liver, tumor], "categories": categories}
    (source / "annotations" / "all.json").write_text(json.dumps(coco))
    command = ["coco_to_yolo", str(source), str(target), "--test_ratio", "0"]
    subprocess.run(command, check=True, capture_output=True)
    found = yaml.safe_load((target / "converted.yaml").read_text())["names"]
    lines = (target / "converted" / "labels" / "train" / "slice.txt").read_text().splitlines()
    seen[order] = {found[int(line.split()[0])]: float(line.split()[3]) for line in lines}
    print(f"categories {order}: width of the box by name {seen[order]}")
if seen != {"1, 2": {"liver": 0.6, "tumor": 0.04}, "2, 1": {"tumor": 0.6, "liver": 0.04}}:
    sys.exit("The behavior has changed: the boxes have other names.")
PY
