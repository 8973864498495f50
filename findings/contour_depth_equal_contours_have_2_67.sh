#!/usr/bin/env bash
# The contour band depth of contour-depth, a share, is 2.67 for contours that are equal.
#
# Versions: contour-depth 0.0.2, NumPy 2.2.6, SciPy 1.15.3, scikit-image 0.25.2.
# Behavior: the number of bands that hold a contour is taken as the contours inside it times those around it, divided by
#     the number of pairs. A contour that equals another is on both sides, and counts twice.
# Expected: the depth is the share of bands that hold a contour, so at most 1, and 1 for equal contours; the epsilon
#     band depth of the same package says so.
# Seen: five raters who draw the same disk: 2.67 each, with epsilon 1. If four of seven draw the same disk, theirs is
#     1.07; five nested disks have 0 to 0.67, as by counting.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    matplotlib==3.10.8
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps contour-depth==0.0.2
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import itertools
import sys
from importlib.metadata import version

import numpy as np
from contour_depth.depth import Depth, compute_contour_depth

print({name: version(name) for name in ("contour-depth", "numpy", "scipy", "scikit-image")})
row, column = np.mgrid[:64, :64]


def disk(radius, x=32):
    return ((column - x) ** 2 + (row - 32) ** 2 <= radius**2).astype(np.uint8)


def counted(masks, number):
    pairs = list(itertools.combinations([m for i, m in enumerate(masks) if i != number], 2))
    held = [np.all((a & b) <= masks[number]) and np.all(masks[number] <= (a | b)) for a, b in pairs]
    return np.mean(held)


seen = {}
cases = {
    "five equal disks": [disk(12)] * 5,
    "four equal of seven": [disk(12)] * 4 + [disk(10), disk(14), disk(12, 33)],
    "five nested disks": [disk(radius) for radius in (8, 10, 12, 14, 16)],
}
for name, masks in cases.items():
    band = compute_contour_depth(masks, Depth.ContourBandDepth)
    soft = compute_contour_depth(masks, Depth.EpsilonContourBandDepth)
    share = [counted(masks, number) for number in range(len(masks))]
    seen[name] = band.max()
    print(f"{name}: band depth", band.round(2), "by counting", np.round(share, 2), "with epsilon", soft.round(2))
seen = {name: round(float(value), 2) for name, value in seen.items()}
if list(seen.values()) != [2.67, 1.07, 0.67]:
    sys.exit("The behavior has changed: the depths are others.")
PY
