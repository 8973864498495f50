#!/usr/bin/env bash
# coco-froc-analysis counts a prediction as a hit wherever it is, as long as its image has a lesion left to be assigned.
#
# Versions: coco-froc-analysis 0.2.15, SciPy 1.17.1, NumPy 2.3.5, matplotlib 3.10.9.
# Behavior: a pair that does not match gets a cost of a million, so that the assignment of predictions to lesions avoids
#     it. Where nothing else is left, the pair is assigned all the same, and every pair assigned is counted as a hit.
#     With the middle of the box as criterion, and with the IoU.
# Expected: the sensitivity is the share of lesions with a prediction that fits.
# Seen: of 4 lesions in 2 images, boxes at their places and boxes far from each of them have sensitivity 1 and 0 false
#     positives per image both. One box per image, far from both lesions: 0.5 instead of 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.17.1 matplotlib==3.10.9 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps coco-froc-analysis==0.2.15
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from coco_froc_analysis.froc import froc_point

print({name: version(name) for name in ("coco-froc-analysis", "scipy", "numpy", "matplotlib")})
lesions = [(1, 10, 10), (1, 100, 50), (2, 60, 200), (2, 300, 20)]
annotations = [
    {"id": number, "image_id": image, "category_id": 1, "bbox": [x, y, 20, 20], "area": 400, "iscrowd": 0}
    for number, (image, x, y) in enumerate(lesions, start=1)
]
images = [{"id": number, "file_name": f"{number}.png", "width": 500, "height": 500} for number in (1, 2)]
truth = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "lesion"}]}
Path("truth.json").write_text(json.dumps(truth), encoding="utf-8")
predictions = {
    "in their places": lesions,
    "elsewhere": [(1, 400, 400), (1, 450, 400), (2, 400, 400), (2, 450, 400)],
    "one each, elsewhere": [(1, 400, 400), (2, 400, 400)],
    "one each, in its place": [lesions[0], lesions[2]],
}
seen = {}
for name, boxes in predictions.items():
    found = [{"image_id": image, "category_id": 1, "bbox": [x, y, 20, 20], "score": 0.9} for image, x, y in boxes]
    Path("found.json").write_text(json.dumps(found), encoding="utf-8")
    for use_iou in (False, True):
        point = froc_point("truth.json", "found.json", 0.5, use_iou, 0.5)[1]
        seen[name, use_iou] = point["LL"] / point["n_lesions"], point["NL"] / point["n_images"]
    hits = sum(box in lesions for box in boxes)
    print(f"{name}: {hits} of 4 found, sensitivity and false positives by the middle {seen[name, False]}", end="")
    print(f", by the IoU {seen[name, True]}")
expected = {
    (name, use_iou): (1.0, 0.0) if len(boxes) == 4 else (0.5, 0.0)
    for name, boxes in predictions.items()
    for use_iou in (False, True)
}
if seen != expected:
    sys.exit("The behavior has changed: other predictions are hits.")
PY
