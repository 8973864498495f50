#!/usr/bin/env bash
# cellpose's diameters of cells are 11 % smaller than the median diameter that it returns with them.
#
# Versions: cellpose 4.2.1.1, fastremap 1.21.0, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: utils.diameters returns "the median diameter and an array of diameters for each object". The array has the
#     square roots of the areas, the sides of squares of the same size; the median is that of the array times 2 /
#     sqrt(pi), the diameter of a disk. The two cannot be put into one table, and the median of the array is not the
#     median diameter.
# Expected: diameters of disks of the same area in both.
# Seen: disks with a diameter of 41 pixels: median 40.0, array 35.5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 fastremap==1.21.0 fill-voids==2.1.2 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    tqdm==4.70.1 tifffile==2026.3.3 natsort==8.4.0 roifile==2026.2.10
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cellpose==4.2.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from cellpose import utils

print({name: version(name) for name in ("cellpose", "fastremap", "torch", "numpy")})
rows, columns = np.indices((60, 180))
masks = np.zeros(rows.shape, np.int32)
for number in (1, 2, 3):
    masks[(rows - 30) ** 2 + (columns - 60 * number + 30) ** 2 <= 20**2] = number
median, each = utils.diameters(masks)
across = int((masks[30] == 1).sum())
seen = round(float(median), 1), np.round(each, 1).tolist()
print(f"disks of {across} pixels across: median diameter {seen[0]}, diameters {seen[1]}")
if (across, *seen) != (41, 40.0, [35.5] * 3):
    sys.exit("The behavior has changed: the diameters are others.")
PY
