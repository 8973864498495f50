#!/usr/bin/env bash
# mahotas sums the intensities of a cell modulo 256 in an image of bytes: 3200 becomes 128.
#
# Versions: mahotas 1.4.19, NumPy 2.4.6.
# Behavior: labeled_sum adds in the type of the image. In images of bytes the sum of nearly every cell overflows, in
#     images of 16 bits that of larger ones, without a warning. Its description has that type for the result, and at
#     the same time calls it equal to np.sum(array[labeled == i]), which NumPy adds in 64 bits.
# Expected: that sum.
# Seen: a cell of 16 pixels of 200: 128 instead of 3200; of 400 pixels of 200 in 16 bits: 14464 instead of 80000.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 mahotas==1.4.19
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import mahotas
import numpy as np

print({name: version(name) for name in ("mahotas", "numpy")})
seen = {}
for kind, side in (("uint8", 4), ("uint16", 20), ("float64", 20)):
    cells = np.zeros((40, 40), int)
    cells[5:5 + side, 5:5 + side] = 1
    image = np.full(cells.shape, 200, kind)
    seen[kind] = int(mahotas.labeled.labeled_sum(image, cells)[1]), int(np.sum(image[cells == 1]))
    print(f"{side * side} pixels of 200 in {kind}: labeled_sum {seen[kind][0]}, np.sum {seen[kind][1]}")
if seen != {"uint8": (128, 3200), "uint16": (14464, 80000), "float64": (80000, 80000)}:
    sys.exit("The behavior has changed: the sums are others.")
PY
