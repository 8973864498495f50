#!/usr/bin/env bash
# The spherical opening of fastmorph makes a mask larger: 275 voxels instead of at most 125.
#
# Versions: fastmorph 1.10.0, SciPy 1.17.1, NumPy 2.2.6.
# Behavior: spherical_dilate adds what is within the radius, "inclusive range", so that a radius of 1 is a layer.
#     spherical_erode keeps what is as far as the radius from the background, so that 1 takes nothing away. One undoes
#     less than the other adds: an opening grows masks, and a closing grows an object that stands alone. Radii such as
#     1.5, which no distance hits, are right.
# Expected: erosion by 1 as in SciPy, an opening within the mask, a closing of a cube that is the cube.
# Seen: a cube of 5 x 5 x 5 = 125 voxels. Radius 1: eroded 125 (SciPy 27), dilated 275, opened 275, closed 275.
#     Radius 2: 27 (1), 493, 179, 179. Radius 1.5: 27, 335, 117, 125.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 fastmorph==1.10.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import fastmorph
import numpy as np
from scipy import ndimage

print({name: version(name) for name in ("fastmorph", "scipy", "numpy")})
mask = np.zeros((30, 30, 30), bool)
mask[10:15, 10:15, 10:15] = True
inside, outside = ndimage.distance_transform_edt(mask), ndimage.distance_transform_edt(~mask)
seen = {}
for radius in (1, 2, 1.5):
    exact = int((inside > radius).sum()), int((outside <= radius).sum())
    found = [int(getattr(fastmorph, f"spherical_{name}")(mask, radius).sum())
             for name in ("erode", "dilate", "open", "close")]
    seen[radius] = exact, found
    print(f"radius {radius}: of {mask.sum()} voxels eroded {found[0]} (SciPy {exact[0]}), dilated {found[1]} "
          f"(SciPy {exact[1]}), opened {found[2]}, closed {found[3]}")
if seen != {
    1: ((27, 275), [125, 275, 275, 275]),
    2: ((1, 493), [27, 493, 179, 179]),
    1.5: ((27, 335), [27, 335, 117, 125]),
}:
    sys.exit("The behavior has changed: the masks are others.")
PY
