#!/usr/bin/env bash
# The first object of a COCO file that pycocowriter makes can never be found: of a perfect result a lesion is missed.
#
# Versions: pycocowriter 0.5.6, pycocotools 2.0.11, NumPy 2.2.6.
# Behavior: pycocowriter numbers objects from 0. pycocotools notes for every detection the number of the object that it
#     matches, and 0 means none.
# Expected: an average precision and recall of 1 for a result that is equal to the truth.
# Seen: four lesions in a CSV file. The average precision of a perfect result is 0.56 and its recall 0.75; with the same
#     objects numbered from 1 both are 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pillow==11.3.0 jsonschema==4.25.1 \
    pycocotools==2.0.11
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pycocowriter==0.5.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import csv
import io
import sys
from importlib.metadata import version
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pycocowriter.csv2coco import parse_csv

print({name: version(name) for name in ("pycocowriter", "pycocotools", "numpy")})
with Path("lesions.csv").open("w", newline="") as file:
    rows = csv.writer(file)
    for number in range(4):
        rows.writerow(["case.png", 200, 100, "lesion", 10 + 45 * number, 30, 20, 20])
columns = {"filename": 0, "width": 1, "height": 2, "label": 3, "bbox_xywh": {"x": 4, "y": 5, "w": 6, "h": 7}}
images, objects, categories = parse_csv(columns, "lesions.csv")
written = {
    "images": [{**item.to_dict(), "width": 200, "height": 100} for item in images],
    "annotations": [item.to_dict() for item in objects],
    "categories": [item.to_dict() for item in categories],
}


def scores(first: int) -> tuple[float, float]:
    truth = COCO()
    truth.dataset = {**written, "annotations": [{**item} for item in written["annotations"]]}
    for item in truth.dataset["annotations"]:
        item["id"] += first
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        found = [
            {"image_id": item["image_id"], "category_id": item["category_id"], "bbox": item["bbox"], "score": 0.9}
            for item in truth.dataset["annotations"]
        ]
        evaluation = COCOeval(truth, truth.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0]), float(evaluation.stats[8])


as_written, from_one = scores(0), scores(1)
print("numbers of the objects:", [item["id"] for item in written["annotations"]])
print(f"as written: precision {as_written[0]:.2f}, recall {as_written[1]:.2f};", end=" ")
print(f"numbered from 1: {from_one[0]:.2f}, {from_one[1]:.2f}")
if as_written[1] != 0.75 or abs(as_written[0] - 0.56) > 0.01 or min(from_one) < 1:
    sys.exit("The behavior has changed: the scores are others.")
PY
