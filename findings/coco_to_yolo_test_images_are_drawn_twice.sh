#!/usr/bin/env bash
# coco-to-yolo puts 39 % of the images into a test set that is to have 50 %: it draws the same image several times.
#
# Versions: coco-to-yolo 1.2.1, tqdm 4.67.1, PyYAML 6.0.2.
# Behavior: images of the test and validation sets are drawn with replacement. Those drawn twice are copied twice to the
#     same place, and the training set gets what was not drawn. Nothing says so: the progress bar counts every draw.
# Expected: --test_ratio is the "ratio of the data to be splitted for the test set".
# Seen: of 400 images, with a test ratio of 0.5, 158, 159 and 142 are in the test set in three runs, and the others in
#     the training set; with 0.9 it is 240. The draw has no seed: other runs have a few more or less.
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

print({name: version(name) for name in ("coco-to-yolo", "tqdm", "PyYAML")})
(Path("coco") / "images").mkdir(parents=True)
(Path("coco") / "annotations").mkdir()
images, boxes = [], []
for number in range(1, 401):
    name = f"slice{number:03d}.png"
    (Path("coco") / "images" / name).write_bytes(b"")
    images.append({"id": number, "file_name": name, "width": 100, "height": 100})
    boxes.append({"id": number, "image_id": number, "category_id": 1, "bbox": [10, 10, 20, 20], "iscrowd": 0})
coco = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "lesion"}]}
(Path("coco") / "annotations" / "all.json").write_text(json.dumps(coco))
ok = True
for run, ratio in enumerate((0.5, 0.5, 0.5, 0.9)):
    target = Path(f"yolo{run}")
    target.mkdir()
    command = ["coco_to_yolo", "coco", str(target), "--test_ratio", str(ratio)]
    subprocess.run(command, check=True, capture_output=True)
    test, train = (len(list((target / "converted" / "images" / part).iterdir())) for part in ("test", "train"))
    print(f"test ratio {ratio}: {test} images for tests, {train} for training")
    low, high = (130, 185) if ratio == 0.5 else (210, 265)
    ok = ok and test + train == 400 and low <= test <= high
if not ok:
    sys.exit("The behavior has changed: the test set has another size.")
PY
