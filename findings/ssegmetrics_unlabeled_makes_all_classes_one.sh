#!/usr/bin/env bash
# ssegmetrics makes class 1 of every class of a label that has unlabeled pixels, 255.
#
# Versions: ssegmetrics 0.1.0, NumPy 2.2.6, OpenCV 4.11.0.86, Pillow 11.3.0.
# Behavior: an image whose smallest value is 0 and whose largest is 255 is taken for a binary one and clipped to 0 and
#     1, whatever lies between them and whatever num_classes is. The prediction, which has no 255, is not clipped.
# Expected: that classes stay what they are; 255, the usual number of pixels without a label, is left out or an error.
# Seen: a perfect prediction of classes 0, 1 and 2: mean IoU 1. With two rows that have no label, 255: mean IoU 0.42,
#     class 2 has an IoU of 0 and the rows without a label count as class 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pillow==11.3.0 matplotlib==3.9.4 \
    opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ssegmetrics==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from ssegmetrics import SegMetrics

print({name: version(name) for name in ("ssegmetrics", "numpy", "opencv-python-headless")})
prediction = np.zeros((40, 60), np.uint8)
prediction[5:15, 5:25] = 1
prediction[20:35, 30:50] = 2
seen = {}
for name, rows in {"all pixels labeled": 0, "two rows without a label": 2}.items():
    label = prediction.copy()
    label[:rows] = 255
    metrics = SegMetrics(prediction, label, num_classes=3)
    seen[name] = [round(float(value), 2) for value in (metrics.mIoU, *metrics.IoU)]
    print(f"{name}: mean IoU {seen[name][0]}, of the classes {seen[name][1:]}")
    print(metrics.ConfusionMatrix)
if list(seen.values()) != [[1, 1, 1, 1], [0.42, 0.94, 0.32, 0]]:
    sys.exit("The behavior has changed: the scores are others.")
PY
