#!/usr/bin/env bash
# A perfect detection of 150 nuclei has a COCO average precision of 0.66.
#
# Versions: pycocotools 2.0.11, NumPy 2.4.6.
# Behavior: COCOeval looks at no more than the 100 highest scores of a picture. A tile of histology has more objects than
#     that; the result that finds every one of them exactly is marked down for those it was not allowed to show.
# Expected: a result that equals the ground truth has average precision 1, for any number of objects.
# Seen: 100 nuclei: 1.000; 101: 0.990; 150: 0.663; 400: 0.257.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pycocotools==2.0.11
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

print({name: version(name) for name in ("pycocotools", "numpy")})
seen = {}
for count in (100, 101, 150, 400):
    boxes = [[30.0 * (index % 20), 30.0 * (index // 20), 20.0, 20.0] for index in range(count)]
    common = {"image_id": 1, "category_id": 1}
    truth = [{**common, "id": number, "bbox": box, "area": 400.0, "iscrowd": 0} for number, box in enumerate(boxes, start=1)]
    found = [{**common, "bbox": box, "score": 0.9} for box in boxes]
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "images": [{"id": 1, "width": 900, "height": 900}],
            "annotations": truth,
            "categories": [{"id": 1, "name": "nucleus"}],
        }
        reference.createIndex()
        evaluation = COCOeval(reference, reference.loadRes(found), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    seen[count] = round(float(evaluation.stats[0]), 3)
print("average precision of a perfect result:", seen)
if seen != {100: 1.0, 101: 0.99, 150: 0.663, 400: 0.257}:
    sys.exit("The behavior has changed: the average precision of a perfect result is another.")
PY
