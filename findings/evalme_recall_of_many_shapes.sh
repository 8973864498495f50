#!/usr/bin/env bash
# The more boxes two equal annotations have, the lower their recall is in Label Studio's evalme: 0.1 for ten boxes.
#
# Versions: label-studio-evalme 0.0.18, label-studio-converter 0.0.59, shapely 2.1.2.
# Behavior: recall_bboxes, and with it F1 and mAP, compares every box of the ground truth with every box of the
#     prediction that has its label, and counts each pair that does not overlap as a box that was missed. Of n equal
#     boxes apart from each other the recall is 1 / n. The same happens to polygons.
# Expected: precision, recall and F1 of 1 for equal annotations, as with one box.
# Seen: one box: precision, recall and F1 1.0. Two: 1.0, 0.5 and 0.67. Ten: 1.0, 0.1 and 0.18, mAP 0.1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 shapely==2.1.2 xmljson==0.2.1 lxml==6.1.3 attrs==26.1.0 requests==2.34.2 textdistance==4.6.3
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    pandas==2.3.3 pillow==13.0.0 opencv-python-headless==4.11.0.86 ijson==3.5.1 ujson==6.1.0 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps \
    label-studio-converter==0.0.59 label-studio-sdk==2.1.2 label-studio-evalme==0.0.18
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from evalme.image import object_detection as evalme

print({name: version(name) for name in ("label-studio-evalme", "label-studio-converter", "shapely", "numpy")})
seen = {}
for count in (1, 2, 10):
    boxes = [
        {
            "type": "rectanglelabels",
            "from_name": "label",
            "to_name": "image",
            "value": {"x": 5 + 8 * k, "y": 10, "width": 6, "height": 6, "rotation": 0, "rectanglelabels": ["nucleus"]},
        }
        for k in range(count)
    ]
    functions = evalme.precision_bboxes, evalme.recall_bboxes, evalme.f1_bboxes, evalme.mAP_bboxes
    seen[count] = [round(float(function(boxes, boxes)), 2) for function in functions]
    print(f"{count} boxes, the same in both: precision, recall, F1 and mAP {seen[count]}")
if seen != {1: [1.0, 1.0, 1.0, 1.0], 2: [1.0, 0.5, 0.67, 0.5], 10: [1.0, 0.1, 0.18, 0.1]}:
    sys.exit("The behavior has changed: the scores are others.")
PY
