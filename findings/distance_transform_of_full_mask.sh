#!/usr/bin/env bash
# The distance transform of a mask that fills the picture: SciPy measures to a pixel that does not exist.
#
# Versions: SciPy 1.17.1, edt 3.1.2, NumPy 2.4.6.
# Behavior: with no background pixel at all, scipy.ndimage.distance_transform_edt gives the distance to the place just
#     before the first pixel along the first axis, as if one single background pixel lay there. Crops full of one organ
#     are ordinary input for losses and metrics that are built on this function.
# Expected: infinity, as edt gives (or an error), or the distance to the border of the picture: in any case the same for
#     the four corners.
# Seen: 3 x 4 pixels, all foreground: the corners are 1, 3.162, 3 and 4.243 by SciPy; infinity four times by edt.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 edt==3.1.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import edt
import numpy as np
from scipy.ndimage import distance_transform_edt

print({name: version(name) for name in ("scipy", "edt", "numpy")})
full = np.ones((3, 4), np.uint8)
by_scipy = distance_transform_edt(full)[[0, 0, 2, 2], [0, 3, 0, 3]].round(3).tolist()
by_edt = edt.edt(full)[[0, 0, 2, 2], [0, 3, 0, 3]].tolist()
print("corners by SciPy:", by_scipy, "by edt:", by_edt)
if by_scipy != [1.0, 3.162, 3.0, 4.243] or not all(np.isinf(by_edt)):
    sys.exit("The behavior has changed: a mask without background has other distances.")
PY
