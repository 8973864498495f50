#!/usr/bin/env bash
# mapcalc never looks at the scores: average precision is 1 or 0.5, depending on which detection is listed first.
#
# Versions: mapcalc 0.2.2, NumPy 2.2.6.
# Behavior: calculate_map asks for a score of every detection, keeps it, and goes through the detections in the order
#     of the list. Detectors that list their results from the highest score on get what they expect; results that were
#     merged, or sorted by place, do not.
# Expected: the same detections with the same scores have one average precision.
# Seen: a lesion found with a score of 0.9 and a false positive of 0.2: 1.0 if the lesion is listed first, and 0.5 if
#     it is listed last. With the scores exchanged it is 1.0 and 0.5 again, where 0.5 is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 mapcalc==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from mapcalc import calculate_map

print({name: version(name) for name in ("mapcalc", "numpy")})
lesion, other = [10, 10, 30, 30], [60, 60, 80, 80]
truth = {"boxes": [lesion], "labels": [1]}
seen = {}
for score in (0.9, 0.2):
    found = {"lesion first": [lesion, other], "lesion last": [other, lesion]}
    for name, boxes in found.items():
        scores = [score if box is lesion else 1.1 - score for box in boxes]
        result = {"boxes": boxes, "labels": [1, 1], "scores": scores}
        seen[score, name] = round(float(calculate_map(truth, result, 0.5)), 3)
        print(f"{name}, its score {score}, that of the false positive {1.1 - score:.1f}: {seen[score, name]}")
if list(seen.values()) != [1.0, 0.5] * 2:
    sys.exit("The behavior has changed: the average precisions are others.")
PY
