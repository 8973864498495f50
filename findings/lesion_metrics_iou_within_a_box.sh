#!/usr/bin/env bash
# lesion-metrics says that the IoU of every lesion is 1 if the whole image is predicted.
#
# Versions: lesion-metrics 0.1.12, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0.
# Behavior: iou_per_lesion cuts both masks to the box around the lesion before it compares them. What was predicted
#     beyond this box does not count, however much it is. The rates of lesions found (ltpr) and of false ones (lfdr) use
#     this IoU, so iou_threshold does not keep predictions out that are far too large.
# Expected: the IoU of a lesion with the object that covers it, which is small if that object is much larger.
# Seen: two cubes of 27 and 64 voxels in 64000: each has an IoU of 1.0, and all lesions are found at a threshold of 0.9,
#     when the whole image is predicted, and when each is predicted with 5 voxels around it (2197 and 2744 voxels).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps lesion-metrics==0.1.12
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from lesion_metrics.metrics import iou_per_lesion, jaccard, ltpr

print({name: version(name) for name in ("lesion-metrics", "numpy", "scipy", "scikit-image")})
truth = np.zeros((40, 40, 40), bool)
truth[5:8, 5:8, 5:8] = True
truth[20:24, 20:24, 20:24] = True
predictions = {"the whole image": np.ones_like(truth), "every lesion, 5 voxels larger": np.zeros_like(truth)}
predictions["every lesion, 5 voxels larger"][:13, :13, :13] = True
predictions["every lesion, 5 voxels larger"][15:29, 15:29, 15:29] = True
seen = {}
for name, prediction in predictions.items():
    ious = [round(float(iou), 3) for iou in iou_per_lesion(truth, prediction)]
    seen[name] = ious, float(ltpr(prediction, truth, iou_threshold=0.9))
    whole = round(float(jaccard(prediction, truth)), 4)
    print(f"{name}: IoU of the lesions {ious}, lesions found with more than 0.9 {seen[name][1]}; Jaccard {whole}")
if any(value != ([1.0, 1.0], 1.0) for value in seen.values()):
    sys.exit("The behavior has changed: the IoU of the lesions is another.")
PY
