#!/usr/bin/env bash
# A lesion 40 mm to the left lies 20 mm to the right after nilearn has exchanged the hemispheres, or 52.
#
# Versions: nilearn 0.14.1, nibabel 5.4.2, NumPy 2.2.6.
# Behavior: swap_img_hemispheres() flips the voxels and keeps where the image lies. The image is mirrored about its own
#     middle, not about x = 0, the plane between the hemispheres. Both are the same in templates such as MNI152 only.
# Expected: the lesion mirrored about x = 0.
# Seen: a lesion at (-40, 10, 5). In a symmetric image it comes to (40, 10, 5), in an image from -70 to 50 mm to
#     (20, 10, 5), in one from -59 to 71 mm to (52, 10, 5).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 scikit-learn==1.9.1 pandas==2.3.3 nilearn==0.14.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from nilearn.image import swap_img_hemispheres

print({name: version(name) for name in ("nilearn", "nibabel", "numpy")})
seen = {}
for first, last in ((-60, 60), (-70, 50), (-59, 71)):
    affine = np.eye(4)
    affine[:3, 3] = first, -40, -30
    data = np.zeros((last - first + 1, 80, 60), np.float32)
    center = np.array([-40 - first, 50, 35])
    data[tuple(slice(place - 2, place + 3) for place in center)] = 1
    swapped = swap_img_hemispheres(nib.Nifti1Image(data, affine))
    place = np.argwhere(swapped.get_fdata() > 0).mean(axis=0)
    seen[first, last] = nib.affines.apply_affine(swapped.affine, place).round(1).tolist()
    print(f"lesion at (-40, 10, 5) in an image from {first} to {last} mm: after the exchange at {seen[first, last]}")
if seen != {(-60, 60): [40, 10, 5], (-70, 50): [20, 10, 5], (-59, 71): [52, 10, 5]}:
    sys.exit("The behavior has changed: the lesion is elsewhere.")
PY
