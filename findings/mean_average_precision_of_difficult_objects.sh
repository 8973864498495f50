#!/usr/bin/env bash
# A perfect result has an average precision of 0.75 in mean-average-precision if one lesion of four is marked difficult.
#
# Versions: mean-average-precision 2024.1.5.0, pandas 2.3.3, NumPy 2.2.6.
# Behavior: difficult objects are counted among those to be found, while predictions that match them are left out. The
#     marks are laid out by prediction instead of by object: the fourth prediction is left out because the fourth
#     object is difficult, whatever it matches, or with three predictions the third one.
# Expected: difficult objects and what matches them left out, as in Pascal VOC, whose average precision this is.
# Seen: four lesions, the fourth difficult. All found: 0.75, also where the fourth prediction is another lesion. The
#     three that are not difficult found: 0.5 instead of 1. None difficult, all found: 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==2.3.3 mean-average-precision==2024.1.5.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mean_average_precision import MetricBuilder

print({name: version(name) for name in ("mean-average-precision", "pandas", "numpy")})
lesions = [[20.0 * number, 10, 20 * number + 9, 19] for number in range(4)]


def precision(difficult: list[int], found: list[int]) -> float:
    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=1)
    truth = [[*box, 0, int(number in difficult), 0] for number, box in enumerate(lesions)]
    metric.add(np.array([[*lesions[number], 0, 0.9] for number in found]), np.array(truth))
    return round(float(metric.value(iou_thresholds=0.5)["mAP"]), 3)


cases = (([], [0, 1, 2, 3]), ([3], [0, 1, 2, 3]), ([3], [3, 2, 1, 0]), ([3], [0, 1, 2]))
seen = []
for difficult, found in cases:
    seen.append(precision(difficult, found))
    print(f"difficult lesions {difficult}, found {found}: average precision {seen[-1]}")
if seen != [1.0, 0.75, 0.75, 0.5]:
    sys.exit("The behavior has changed: the average precision is another one.")
PY
