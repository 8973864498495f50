#!/usr/bin/env bash
# seg-metrics gives an organ that was not found at all a Hausdorff distance of 0, as a perfect result.
#
# Versions: seg-metrics 1.2.8, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: the distance map of an empty mask is set to zeros, so every border voxel of the other mask is 0 away from
#     it. All five distances are 0, where the prediction is empty and where the ground truth is. A message on the log
#     speaks of precision and recall only.
# Expected: infinity, NaN or an error, and no better value than that of any prediction which touches the organ.
# Seen: nothing predicted: Dice 0, hd, hd95 and msd 0; moved by one voxel: Dice 0.9, hd 1, msd 0.34. The mean of hd95
#     over both cases is 0.5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 simpleitk==2.5.7 pandas==3.1.1 matplotlib==3.11.2 tqdm==4.70.1 pingouin==0.7.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medutils==0.1.21 seg-metrics==1.2.8
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import seg_metrics.seg_metrics as sg

print({name: version(name) for name in ("seg_metrics", "simpleitk", "numpy")})
organ = np.zeros((30, 30, 30), int)
organ[10:20, 10:20, 10:20] = 1
empty = np.zeros_like(organ)
cases = {
    "perfect": (organ, organ),
    "one voxel too far": (organ, np.roll(organ, 1, axis=0)),
    "missed": (organ, empty),
    "invented": (empty, organ),
}
seen = {}
for name, (truth, prediction) in cases.items():
    result = sg.write_metrics(labels=[1], gdth_img=truth, pred_img=prediction, metrics=["dice", "hd", "hd95", "msd"])
    seen[name] = {metric: round(float(result[0][metric][0]), 2) for metric in ("dice", "hd", "hd95", "msd")}
    print(f"{name}: {seen[name]}")
nothing = {"dice": 0.0, "hd": 0.0, "hd95": 0.0, "msd": 0.0}
off = {"dice": 0.9, "hd": 1.0, "hd95": 1.0, "msd": 0.34}
if (seen["missed"], seen["invented"], seen["one voxel too far"]) != (nothing, nothing, off):
    sys.exit("The behavior has changed: missed organs are scored otherwise.")
PY
