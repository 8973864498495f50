#!/usr/bin/env bash
# nilabels' averaged contour distance leaves out where the contours agree: 2 mm where the average is 0.016.
#
# Versions: nilabels 0.0.8, nibabel 4.0.2, NumPy 1.23.5, SciPy 1.10.1.
# Behavior: the distances of contour voxels are selected by being above 0. Those of voxels that lie on the other contour
#     are 0 and fall out of averaged_, median_ and std_symmetric_contour_distance. The larger the part that is right,
#     the less it counts; a perfect result has no distance left and is NaN.
# Expected: the mean over all voxels of the contours, as the documentation's formula says, and 0 for a perfect result.
# Seen: a cube with a thorn of five voxels against the cube: average 2.0 mm and median 2.0, where the mean over all
#     voxels is 0.016 (mean of both directions) and the median 0. The cube with itself: NaN.
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
from nilabels.tools.caliber import distances
from scipy.ndimage import binary_erosion, distance_transform_edt

print({name: version(name) for name in ("nilabels", "nibabel", "numpy", "scipy")})
cube = np.zeros((30, 20, 20), np.uint8)
cube[5:15, 5:15, 5:15] = 1
thorn = cube.copy()
thorn[15:20, 9, 9] = 1
contours = [mask & ~binary_erosion(mask) for mask in (cube == 1, thorn == 1)]
all_voxels = [distance_transform_edt(~contours[1 - index])[contours[index]] for index in (0, 1)]
own = round(float(np.mean([values.mean() for values in all_voxels])), 3)
images = {name: nib.Nifti1Image(mask, np.eye(4)) for name, mask in (("cube", cube), ("thorn", thorn))}
seen = {}
for other in images:
    for name in ("averaged", "median"):
        measure = getattr(distances, f"{name}_symmetric_contour_distance")
        value = float(measure(images["cube"], images[other], [1], ["organ"], verbose=0)[0])
        seen[other, name] = str(round(value, 3))
        print(f"cube and {other}: {name} {seen[other, name]}")
print(f"over all voxels of the contours of cube and thorn: {own}")
if list(seen.values()) != ["nan", "nan", "2.0", "2.0"] or own > 0.05:
    sys.exit("The behavior has changed: the distances are others.")
PY
