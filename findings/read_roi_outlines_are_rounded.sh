#!/usr/bin/env bash
# read-roi rounds the outlines of ImageJ to whole pixels: a nucleus of 19.5 pixels has 16 or 21, depending on its place.
#
# Versions: read-roi 1.6.0, roifile 2026.2.10, NumPy 2.2.6.
# Behavior: outlines with parts of pixels (spline fits, ellipses, contours made by programs) have their exact
#     coordinates in the file, after whole ones for old programs. read_roi_file returns the whole ones as x and y, and
#     nothing says so. Small objects change their size and shape.
# Expected: the coordinates of the outline, as roifile and ijroi return them.
# Seen: a round nucleus with a radius of 2.5 pixels, an area of 19.5: read with an area of 16.0 if its middle is at (20,
#     20), of 21.0 at (20.25, 20.25) and (20.5, 20.5). Read by roifile: 19.5 everywhere.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 roifile==2026.2.10
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps read-roi==1.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from read_roi import read_roi_file
from roifile import ImagejRoi

print({name: version(name) for name in ("read-roi", "roifile", "numpy")})


def area(points: np.ndarray) -> float:
    x, y = np.asarray(points, float).T
    return abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2


angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
seen = {}
for middle in (20.0, 20.25, 20.5):
    outline = middle + 2.5 * np.stack([np.cos(angles), np.sin(angles)], 1)
    ImagejRoi.frompoints(outline.astype(np.float32)).tofile("nucleus.roi")
    exact = ImagejRoi.fromfile("nucleus.roi").coordinates()
    roi = read_roi_file("nucleus.roi")["nucleus"]
    seen[middle] = [round(area(points), 1) for points in (exact, np.stack([roi["x"], roi["y"]], 1))]
    print(f"middle at {middle}: area {seen[middle][0]} by roifile, {seen[middle][1]} by read-roi")
if seen != {20.0: [19.5, 16.0], 20.25: [19.5, 21.0], 20.5: [19.5, 21.0]}:
    sys.exit("The behavior has changed: the areas are others.")
PY
