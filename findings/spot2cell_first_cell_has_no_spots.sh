#!/usr/bin/env bash
# spot2cell leaves the spots of the first cell out if no spot lies between the cells.
#
# Versions: spot2cell 0.0.2, NumPy 2.4.6, tifffile 2026.3.3.
# Behavior: the numbers of the cells in which spots lie are listed, and the first of them is dropped as the background,
#     whether it is 0 or not. Where all spots lie in cells it is the cell with the lowest number that is dropped.
# Expected: counts of a cell that depend on the spots in it only.
# Seen: five spots in cell 1 and three in cell 2: counts of 0 and 3. With one spot more, between the cells, 5 and 3. If
#     the spots outside of cells were removed before, the first cell with spots is always empty.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 tifffile==2026.3.3 spot2cell==0.0.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from spot2cell import Spot2Cell

print({name: version(name) for name in ("spot2cell", "numpy", "tifffile")})
mask = np.zeros((20, 20), np.uint16)
mask[2:6, 2:6] = 1
mask[8:12, 8:12] = 2
in_cells = np.array([[3, 3]] * 5 + [[9, 9]] * 3)
seen = {}
for name, spots in {"in cells only": in_cells, "and one between them": np.vstack([in_cells, [[0, 0]]])}.items():
    seen[name] = Spot2Cell(spots, mask).cell_spots.tolist()
    print(f"spots {name}: {dict(seen[name])}")
if seen != {"in cells only": [[1, 0], [2, 3]], "and one between them": [[1, 5], [2, 3]]}:
    sys.exit("The behavior has changed: the counts are others.")
PY
