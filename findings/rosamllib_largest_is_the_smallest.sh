#!/usr/bin/env bash
# rosamllib's extract_largest_structure keeps the smallest structure of a mask.
#
# Versions: rosamllib 0.6.3, SimpleITK 2.5.7, SciPy 1.17.1, NumPy 2.3.5.
# Behavior: the components are numbered from the largest to the smallest, which the comment in the function says, too.
#     The number that is kept is how many there are, so the last one. With min_volume the function does what it says.
# Expected: "only the largest component is kept", as the docstring has it.
# Seen: of an organ of 4096 voxels, a piece of 125 and a single voxel the single voxel is kept; of the first two the
#     piece. A mask of one component is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 scipy==1.17.1 scikit-image==0.26.0 simpleitk==2.5.7 nibabel==5.4.2 xmltodict==1.0.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps rosamllib==0.6.3
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from rosamllib.mask_processing import extract_largest_structure
from scipy import ndimage

print({name: version(name) for name in ("rosamllib", "SimpleITK", "scipy", "numpy")})
mask = np.zeros((30, 30, 30), np.uint8)
seen = {}
for many, (corner, side) in enumerate(((2, 16), (20, 5), (27, 1)), start=1):
    mask[corner : corner + side, corner : corner + side, corner : corner + side] = 1
    components, found = ndimage.label(mask)
    sizes = ndimage.sum_labels(mask, components, range(1, found + 1)).astype(int).tolist()
    seen[many] = int(extract_largest_structure(mask).sum())
    print(f"components of {sizes} voxels, kept {seen[many]}")
print("with min_volume=100:", int(extract_largest_structure(mask, min_volume=100).sum()))
if seen != {1: 4096, 2: 125, 3: 1}:
    sys.exit("The behavior has changed: another component is kept.")
PY
