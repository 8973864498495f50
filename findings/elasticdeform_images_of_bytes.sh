#!/usr/bin/env bash
# elasticdeform spoils images of bytes with its default settings, even where it does not deform them.
#
# Versions: elasticdeform 0.5.1, NumPy 1.26.4, SciPy 1.17.1.
# Behavior: with order=3, the default, the image is replaced by the coefficients of its splines, and these are kept in
#     the type of the image. Coefficients below 0 or above 255 do not fit into a byte, those of other integers lose
#     their fractions. The result has the type and the range of the image, with other values along every edge.
# Expected: a deformation by 0 returns the image, as with order=0, order=1 or the same numbers as floats.
# Seen: a square of 200 on 0, deformed by 0: bytes are wrong by up to 171, 508 of 3000 pixels by more than 20, int16 by
#     up to 2, floats not at all. SciPy moves the same bytes by 0 without an error.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.17.1 elasticdeform==0.5.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import elasticdeform
import numpy as np
from scipy import ndimage

print({name: version(name) for name in ("elasticdeform", "numpy", "scipy")})
image = np.zeros((60, 50))
image[20:40, 10:30] = 200
nowhere = np.zeros((2, 3, 3))
seen = {}
for kind in ("uint8", "int16", "float64"):
    for order in (1, 3):
        result = elasticdeform.deform_grid(image.astype(kind), nowhere, order=order)
        errors = np.abs(result.astype(float) - image)
        seen[kind, order] = int(errors.max().round()), int((errors > 20).sum())
        worst, many = seen[kind, order]
        print(f"{kind}, order {order}: largest error {worst}, {many} pixels by more than 20")
still = np.abs(ndimage.shift(image.astype("uint8"), (0, 0), order=3).astype(float) - image).max()
print(f"scipy.ndimage.shift of the bytes by 0, order 3: largest error {still:.0f}")
expected = {(kind, order): (0, 0) for kind in ("uint8", "int16", "float64") for order in (1, 3)}
if seen != expected | {("uint8", 3): (171, 508), ("int16", 3): (2, 0)}:
    sys.exit("The behavior has changed: the errors are others.")
PY
