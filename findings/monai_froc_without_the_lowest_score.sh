#!/usr/bin/env bash
# MONAI's FROC curve begins above the lowest score: of lesions that are all found it leaves out the one found last.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: compute_froc_curve_data takes the scores of all hits and false positives as thresholds but for the lowest. A
#     lesion that is missed counts as a hit of score 0, so this is right where one is missed, or where the lowest score
#     is a false positive of no use. If all lesions are found and one of them has the lowest score, it is never a hit.
# Expected: the last point of the curve counts every detection.
# Seen: 4 lesions of which 3 are found, and 4 of which 4 are found: a score of 0.75 both, without false positives. 4 of
#     4 with equal scores, as of a detector without probabilities: 0. One false positive of a low score makes it 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from monai.metrics import compute_fp_tp_probs, compute_froc_curve_data, compute_froc_score

print({name: version(name) for name in ("monai", "torch", "numpy")})
lesions = np.zeros((100, 100), int)
for number in range(4):
    lesions[10:20, 20 * number + 10 : 20 * number + 15] = number + 1
places = [(15, 12), (15, 32), (15, 52), (15, 72), (80, 80)]
cases = {
    "3 of 4": [0.9, 0.8, 0.7],
    "4 of 4": [0.9, 0.8, 0.7, 0.6],
    "4 of 4, equal scores": [1.0, 1.0, 1.0, 1.0],
    "4 of 4 and a false positive": [0.9, 0.8, 0.7, 0.6, 0.1],
}
seen = {}
for name, scores in cases.items():
    y, x = np.array(places[: len(scores)]).T
    false, hits, many = compute_fp_tp_probs(np.array(scores), y, x, lesions)
    per_image, sensitivity = compute_froc_curve_data(false, hits, many, 1)
    seen[name] = float(compute_froc_score(per_image, sensitivity))
    by_hand = sum(lesions[place] > 0 for place in places[: len(scores)]) / 4
    print(f"{name}: sensitivities {sensitivity.tolist()}, score {seen[name]}, found with all detections {by_hand}")
if list(seen.values()) != [0.75, 0.75, 0.0, 1.0]:
    sys.exit("The behavior has changed: the scores are others.")
PY
