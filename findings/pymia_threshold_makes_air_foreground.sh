#!/usr/bin/env bash
# pymia's threshold makes everything below zero foreground: a threshold of 100 HU takes the air around the patient.
#
# Versions: pymia 0.3.4, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: BinaryThreshold sets the upper limit of SimpleITK's filter and leaves the lower one at its default, 0.
#     Values between 0 and the threshold become 0, all others 1. With a threshold below 0 it raises an error.
# Expected: 1 above the threshold and 0 below, as for the images without negative values that it was made for.
# Seen: a CT of bone (400 HU, 8 voxels) in water (0 HU) in air (-1000 HU), threshold 100: 792 voxels of 1000 are
#     foreground, of which 8 are bone. A map of logits thresholded at 0.5 takes those below 0 as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pymia==0.3.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from pymia.filtering.postprocessing import BinaryThreshold

print({name: version(name) for name in ("pymia", "SimpleITK", "numpy")})
ct = np.full((10, 10, 10), -1000, np.int16)
ct[2:8, 2:8, 2:8] = 0
ct[4:6, 4:6, 4:6] = 400
seen = {}
for name, image, threshold in (("CT", ct, 100), ("CT + 1024", ct + 1024, 1124)):
    mask = sitk.GetArrayFromImage(BinaryThreshold(threshold).execute(sitk.GetImageFromArray(image)))
    seen[name] = int(mask.sum()), int(mask[ct == 400].sum()), int(mask[ct == -1000].sum())
    print(f"{name}, threshold {threshold}: {seen[name][0]} voxels, {seen[name][1]} of bone, {seen[name][2]} of air")
logits = sitk.GetImageFromArray(np.array([[-3.0, -1, 0, 0.4, 0.6, 3]]))
seen["logits"] = sitk.GetArrayFromImage(BinaryThreshold(0.5).execute(logits))[0].tolist()
print(f"logits of -3, -1, 0, 0.4, 0.6, 3, threshold 0.5: {seen['logits']}")
if seen != {"CT": (792, 8, 784), "CT + 1024": (8, 8, 0), "logits": [1, 1, 0, 0, 1, 1]}:
    sys.exit("The behavior has changed: other voxels are foreground.")
PY
