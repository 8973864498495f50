#!/usr/bin/env bash
# The largest component of a small mask is the whole image, says ANTs' iMath.
#
# Versions: antspyx 0.6.3, NumPy 2.3.5, SciPy 1.15.3.
# Behavior: iMath(image, "GetLargestComponent") leaves components of up to 50 pixels out first. If none is left, what it
#     returns is not empty: every pixel of the image is 1. The clean-up of a prediction in which a small lesion was
#     found makes all of the image a lesion; the 50 is in the help of ANTs' own program (MinObjectSize), the full image
#     nowhere.
# Expected: the largest component, however small; or nothing.
# Seen: a lesion of 27 voxels in 20 x 20 x 20: 8000 voxels; one of 64 voxels: 64. In 2-D one of 49 pixels: 400 of 400.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.15.3 antspyx==0.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import ants
import numpy as np

print({name: version(name) for name in ("antspyx", "numpy", "scipy")})
seen = []
for side, axes in ((3, 3), (4, 3), (7, 2), (8, 2)):
    mask = np.zeros((20,) * axes, np.float32)
    mask[(slice(2, 2 + side),) * axes] = 1
    mask[(15,) * axes] = 1  # a second component of one voxel
    largest = ants.iMath(ants.from_numpy(mask), "GetLargestComponent").numpy()
    seen.append((side**axes, int(largest.sum())))
    print(f"{axes}-D, components of {side**axes} and 1 in {mask.size}: the largest has {seen[-1][1]}")
if seen != [(27, 8000), (64, 64), (49, 400), (64, 64)]:
    sys.exit("The behavior has changed: the largest component is another.")
PY
