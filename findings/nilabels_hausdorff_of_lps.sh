#!/usr/bin/env bash
# nilabels' Hausdorff distance of a mask to itself is 5.7 mm in LPS; in sagittal slices that of any two masks is 0.
#
# Versions: nilabels 0.0.8, nibabel 4.0.2, NumPy 1.23.5, SciPy 1.10.1.
# Behavior: distances in millimeters use the diagonal of the affine as the voxel sizes. In LPS two of them are negative,
#     with which SciPy's distance transform is wrong; in sagittal and coronal slices the diagonal is 0. This concerns
#     hausdorff_distance, the contour distances and the box's sides.
# Expected: the distance depends on where the voxels lie, not on the order in which they are stored. (The documentation
#     asks for an affine "in standard form" and does not say what that is.)
# Seen: an object and the same moved by 6 mm: 6.0 mm in RAS, 7.2 in LPS, 0.0 in sagittal slices; the object with itself:
#     0.0, 5.7 and 0.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.23.5 scipy==1.10.1 pandas==1.5.3 matplotlib==3.7.5 scikit-image==0.20.0 scikit-learn==1.2.2 \
    nibabel==4.0.2 sympy==1.14.0 tabulate==0.10.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps nilabels==0.0.8
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from nibabel.orientations import axcodes2ornt, ornt_transform
from nilabels.tools.caliber.distances import hausdorff_distance

print({name: version(name) for name in ("nilabels", "nibabel", "numpy", "scipy")})
voxels = np.zeros((40, 40, 20), np.uint8)
voxels[5:15, 5:15, 5:15] = 1
images = [nib.Nifti1Image(array, np.diag([1.0, 1.0, 3.0, 1.0])) for array in (voxels, np.roll(voxels, 6, axis=0))]
seen = {}
for letters in ("RAS", "LPS", "PSR"):
    change = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(letters))
    one, two = (image.as_reoriented(change) for image in images)
    pairs = ((one, two), (one, one))
    seen[letters] = [round(float(hausdorff_distance(*pair, [1], ["organ"], verbose=0)[0]), 1) for pair in pairs]
    print(f"{''.join(nib.aff2axcodes(one.affine))}: moved by 6 mm {seen[letters][0]}, with itself {seen[letters][1]}")
if seen != {"RAS": [6.0, 0.0], "LPS": [7.2, 5.7], "PSR": [0.0, 0.0]}:
    sys.exit("The behavior has changed: the distances are others.")
PY
