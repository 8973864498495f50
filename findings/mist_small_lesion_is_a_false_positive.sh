#!/usr/bin/env bash
# MIST takes a lesion that was rightly found for a false positive if it is small: a perfect result has Dice 0.5.
#
# Versions: mist-medical 2.3.0, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: lesions of the ground truth below min_lesion_volume (10 mm³ by default) are skipped before the prediction is
#     matched to them. The component of the prediction that lies on one is then matched to nothing, so it is a false
#     positive: it adds 1 to the denominator and the diagonal of the image to the distances.
# Expected: "excluded from analysis", so a perfect result is perfect, and leaving out a small lesion is no better than
#     finding it.
# Seen: a lesion of 1000 and one of 8 mm³ in an image of 40³ mm, both found exactly: Dice 0.5, F1 0.67, HD95 34.6 mm.
#     Without the small one in the prediction: 1.0, 1.0 and 0 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mist-medical==2.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mist.metrics.lesion_wise_metrics import compute_lesion_wise_metrics

print({name: version(name) for name in ("mist-medical", "numpy", "scipy")})
large = np.zeros((40, 40, 40), bool)
large[5:15, 5:15, 5:15] = True
both = large.copy()
both[30:32, 30:32, 30:32] = True
seen = {}
for name, prediction in (("both", both), ("the large one", large)):
    scores = compute_lesion_wise_metrics(prediction, both, (1.0, 1.0, 1.0), ["dice", "f1", "haus95"])
    seen[name] = [round(scores[f"lesion_wise_{key}"], 2) for key in ("dice", "f1", "haus95")]
    print(f"of two lesions, predicted {name}: Dice, F1, HD95 {seen[name]}")
if seen != {"both": [0.5, 0.67, 34.64], "the large one": [1.0, 1.0, 0.0]}:
    sys.exit("The behavior has changed: the scores are others.")
PY
