#!/usr/bin/env bash
# SegmentationEvaluationTools exchanges false negatives and false positives, since SimpleITK's truth is the second mask.
#
# Versions: SegmentationEvaluationTools 0.0.9, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: calculate_overlap_measures(prediction, truth) hands the ground truth to SimpleITK's LabelOverlapMeasures
#     first. That filter calls its inputs source and target, and its errors are those of the first against the second:
#     FalseNegativeError is what the first lacks of the second. The sign of the volume similarity is turned around, too.
# Expected: a prediction that covers the organ wholly has no false negatives.
# Seen: a prediction with 144 pixels around an organ of 100: false negatives 0.31, false positives 0. The filter with
#     the prediction first: 0 and 0.15, which is 44 of the 300 pixels of background.
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
from SegmentationEvaluationTools.SIKOverlapTools import calculate_overlap_measures

print({name: version(name) for name in ("SegmentationEvaluationTools", "SimpleITK", "numpy")})
organ = np.zeros((20, 20), np.uint8)
organ[5:15, 5:15] = 1
around = np.zeros_like(organ)
around[4:16, 4:16] = 1
prediction, truth = (sitk.GetImageFromArray(mask) for mask in (around, organ))
measures = calculate_overlap_measures(prediction_handle_base=prediction, truth_handle_base=truth)["Global"]
found = [round(measures[key], 2) for key in ("false_negative", "false_positive")]
overlap = sitk.LabelOverlapMeasuresImageFilter()
overlap.Execute(prediction, truth)
own = [round(overlap.GetFalseNegativeError(), 2), round(overlap.GetFalsePositiveError(), 2)]
print(f"false negatives and positives: {found}; of the filter with the prediction first {own}")
if found != [0.31, 0.0] or own != [0.0, 0.15]:
    sys.exit("The behavior has changed: the errors are others.")
PY
