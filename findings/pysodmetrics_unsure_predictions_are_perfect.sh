#!/usr/bin/env bash
# PySODMetrics stretches every prediction to 0 ... 1: a probability of 0.01 in the polyp is a perfect result.
#
# Versions: pysodmetrics 1.6.2, NumPy 2.2.6, SciPy 1.15.3, scikit-image 0.25.2, scikit-learn 1.7.2.
# Behavior: unless normalize=False, the lowest value of each prediction becomes 0 and the highest one 1, before it is
#     compared with anything. Scores of an image depend on its extreme pixels: what is far below the threshold counts as
#     certain if nothing else is higher.
# Expected: gray levels from 0 to 255 are probabilities from 0 to 1: with 0.01 in the polyp and 0 elsewhere nothing is
#     above the threshold of 0.5, and Dice is 0.
# Seen: 3 of 255 in a polyp of 1600 pixels: mean absolute error 0 and Dice 1 at the threshold of 0.5, as with 255. The
#     same with 153 in the polyp and 128 elsewhere, where everything is above it, and with 102 and 0. One pixel of 255
#     elsewhere makes Dice 0 of the latter. With normalize=False Dice is 0, 0.28, 0 and 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    scikit-learn==1.7.2 opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pysodmetrics==1.6.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from py_sod_metrics import MAE, DICEHandler, FmeasureV2

print({name: version(name) for name in ("pysodmetrics", "numpy", "scipy", "scikit-image", "scikit-learn")})
polyp = np.zeros((100, 100), bool)
polyp[30:70, 30:70] = True


def scores(prediction, normalize):
    handler = DICEHandler(with_dynamic=False, with_adaptive=False, with_binary=True, sample_based=True)
    error, dice = MAE(), FmeasureV2(metric_handlers={"dice": handler})
    truth = polyp.astype(np.uint8) * 255 if normalize else polyp
    prediction = prediction.astype(np.uint8) if normalize else prediction / 255
    for metric in (error, dice):
        metric.step(prediction, truth, normalize=normalize)
    values = error.get_results()["mae"], dice.get_results()["dice"]["binary"]
    return tuple(round(float(value), 2) for value in values)


spot = np.where(polyp, 102.0, 0)
spot[0, 0] = 255
cases = {"255 and 0": np.where(polyp, 255.0, 0), "3 and 0": np.where(polyp, 3.0, 0),
         "153 and 128": np.where(polyp, 153.0, 128), "102 and 0": np.where(polyp, 102.0, 0),
         "102 and 0, one pixel of 255": spot}
seen = {}
for name, prediction in cases.items():
    seen[name] = [scores(prediction, normalize) for normalize in (True, False)]
    print(f"{name}: mean absolute error and Dice {seen[name][0]}, with normalize=False {seen[name][1]}")
stretched = [found[0] for found in seen.values()]
dice = [found[1][1] for found in seen.values()]
if stretched[:4] != [(0.0, 1.0)] * 4 or stretched[4][1] != 0 or dice != [1.0, 0.0, 0.28, 0.0, 0.0]:
    sys.exit("The behavior has changed: the scores are others.")
PY
