#!/usr/bin/env bash
# In dice-score-3d every label above 255 has a Dice of 1, whatever was predicted.
#
# Versions: dice-score-3d 1.1.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: masks are cast to bytes when they are read (dtype="uint8", the default), without a word: label 1035 of
#     FreeSurfer is 11. The label that is asked for is not cast, so it is in neither mask, and an empty label has a Dice
#     of 1. Its voxels are counted for the label with that number instead.
# Expected: the labels of the file, or an error where they do not fit.
# Seen: insula and caudate, labels 1035 and 11 in files of int16. The insula is not found at all, the caudate is: Dice
#     1.0 and 0.67. With dtype="int16": 0.0 and 1.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dice-score-3d==1.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from dice_score_3d import dice_metrics

print({name: version(name) for name in ("dice-score-3d", "SimpleITK", "numpy")})
truth = np.zeros((10, 40, 40), np.int16)
truth[2:8, 5:15, 5:15] = 1035
truth[2:8, 20:30, 20:30] = 11
sitk.WriteImage(sitk.GetImageFromArray(truth), "truth.nii.gz")
sitk.WriteImage(sitk.GetImageFromArray(np.where(truth == 11, truth, 0).astype(np.int16)), "found.nii.gz")
seen = {}
for options in ({}, {"dtype": "int16"}):
    labels = {"insula": 1035, "caudate": 11}
    scores = dice_metrics("truth.nii.gz", "found.nii.gz", "scores.json", labels, **options)["Mean"]
    seen[str(options)] = [round(scores[name], 2) for name in labels]
    print(f"{options}: Dice of insula, which is not found, and caudate, which is: {seen[str(options)]}")
if list(seen.values()) != [[1.0, 0.67], [0.0, 1.0]]:
    sys.exit("The behavior has changed: the scores are others.")
PY
