#!/usr/bin/env bash
# dosemetrics computes the specificity within a body over the air around it.
#
# Versions: dosemetrics 0.4.1, NumPy 2.2.6, SciPy 1.15.3, Numba 0.61.2.
# Behavior: compute_specificity takes background_mask and never looks at it. Without it the whole image counts, and not
#     the box that its description names.
# Expected: "background_mask: Mask defining the universe", and if there is none "the bounding box union of both
#     structures".
# Seen: an organ that is drawn far too large, in a body of 4000 voxels in an image of 200000: specificity 0.990 with
#     and without the body, where 0.496 of the body's background is right. In the
#     box around both structures it is 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 pandas==2.3.3 numba==0.61.2 \
    scikit-image==0.25.2 matplotlib==3.10.7 pydicom==3.0.2 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dosemetrics==0.4.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from dosemetrics.metrics.geometric import compute_specificity
from dosemetrics.structures import OAR

print({name: version(name) for name in ("dosemetrics", "numpy", "scipy", "numba")})
body, truth, drawn = (np.zeros((100, 100, 20), bool) for _ in range(3))
body[40:60, 40:60, 5:15] = True
truth[48:52, 48:52, 8:12] = True
drawn[42:58, 42:58, 6:14] = True
box = drawn | truth


def within(region):
    background = region & ~truth
    return round(float((background & ~drawn).sum() / background.sum()), 3)


organs = OAR("drawn", drawn), OAR("organ", truth)
seen = [round(compute_specificity(*organs), 3), round(compute_specificity(*organs, background_mask=body), 3)]
print(f"without a mask {seen[0]}, within the body {seen[1]}")
print(f"right: within the body {within(body)}, within the box {within(box)}, in the image {within(body | True)}")
if seen != [within(body | True)] * 2 or within(body) > 0.6:
    sys.exit("The behavior has changed: the specificities are others.")
PY
