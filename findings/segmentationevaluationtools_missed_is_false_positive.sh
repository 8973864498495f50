#!/usr/bin/env bash
# SegmentationEvaluationTools counts the voxels that were missed as false positives if the masks are bytes.
#
# Versions: SegmentationEvaluationTools 0.0.9, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: determine_false_positive_rate_and_false_volume subtracts the ground truth from the prediction in the type of
#     the masks. Where the ground truth is 1 and the prediction 0, a byte becomes 255, which is above 0 and so a false
#     positive. Masks of bytes are what a comparison or a threshold in SimpleITK returns. Another function of the same
#     module converts before it subtracts.
# Expected: "volume of prediction not in ground truth", the same for every integer type and at most the prediction's.
# Seen: a prediction that lies wholly inside an organ of 0.6 cm³ and has 0.256 cm³: 0.344 cm³ of false positives, 0.6 of
#     false predictions and -0.256 of oversegmentation. As int16: 0, 0 and 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 matplotlib==3.11.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segmentationevaluationtools==0.0.9
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from SegmentationEvaluationTools.SIKOverlapTools import determine_false_positive_rate_and_false_volume

print({name: version(name) for name in ("SegmentationEvaluationTools", "SimpleITK", "numpy")})
truth = np.zeros((10, 20, 20), np.uint8)
truth[2:8, 5:15, 5:15] = 1
inside = np.zeros_like(truth)
inside[3:7, 6:14, 6:14] = 1
seen = {}
for kind in (np.uint8, np.int16):
    masks = [sitk.GetImageFromArray(mask.astype(kind)) for mask in (inside, truth)]
    volumes = determine_false_positive_rate_and_false_volume(*masks)
    seen[kind.__name__] = [
        round(float(volumes[f"{name} Volume (cc)"]), 3)
        for name in ("False Positive", "False Prediction", "Over Segmentation")
    ]
    print(f"{kind.__name__}: {volumes}")
if seen != {"uint8": [0.344, 0.6, -0.256], "int16": [0.0, 0.0, 0.0]}:
    sys.exit("The behavior has changed: other volumes are false.")
PY
