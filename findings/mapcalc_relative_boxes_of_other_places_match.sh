#!/usr/bin/env bash
# mapcalc takes a detection elsewhere in the image for a hit if boxes are relative to the image.
#
# Versions: mapcalc 0.2.2, NumPy 2.2.6.
# Behavior: a pixel is added to width and height of boxes and of what they have in common, as for boxes of whole pixels
#     that include their last one. In coordinates from 0 to 1, as YOLO and many detectors have them, that pixel is the
#     width of the image: boxes that are apart overlap, and small boxes near each other overlap nearly completely.
# Expected: boxes that do not touch have an IoU of 0, in any unit.
# Seen: a lesion of 10 x 10 pixels in an image of 512 and a detection of the same size 51 pixels to the right of it and
#     below: average precision 0 at an IoU of 0.5 in pixels, and 1 in relative coordinates, still at 0.6.
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
lesion, detection = [51, 51, 61, 61], [102, 102, 112, 112]
seen = {}
for unit, size in (("pixels", 1), ("relative", 512)):
    truth = {"boxes": [[value / size for value in lesion]], "labels": [1]}
    for threshold in (0.5, 0.6):
        result = {"boxes": [[value / size for value in detection]], "labels": [1], "scores": [0.9]}
        seen[unit, threshold] = float(calculate_map(truth, result, threshold))
        print(f"{unit}, IoU of at least {threshold}: average precision {seen[unit, threshold]}")
if list(seen.values()) != [0.0, 0.0, 1.0, 1.0]:
    sys.exit("The behavior has changed: other boxes match.")
PY
