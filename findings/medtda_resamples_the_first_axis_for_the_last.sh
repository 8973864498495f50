#!/usr/bin/env bash
# medtda resamples arrays along the wrong axis: its own example for slices of 2 mm makes rows of a half out of them.
#
# Versions: medtda 0.1.0, SimpleITK 2.5.7, NumPy 2.2.6, gudhi 3.13.0.
# Behavior: resample_image takes spacings in the order of SimpleITK, x, y, z, for arrays in the order z, y, x. Its example
#     has an array of 100 × 100 × 50, spacings of 1, 1 and 2 mm, and says that 100 × 100 × 100 come out at 1 mm.
# Expected: 100 × 100 × 100, by the example and as numbers of voxels times spacings are 100 mm along each axis.
# Seen: 200 × 100 × 50. A ball of radius 20 mm in the array is 80 voxels along the first axis, 40 along the second and 20
#     along the last one afterwards, where it was to be 40 along all of them.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 scikit-learn==1.7.2 SimpleITK==2.5.7 gudhi==3.13.0 cripser==0.0.37 pillow==11.3.0 \
    matplotlib==3.10.8 seaborn==0.13.2 PyYAML==6.0.3 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medtda==0.1.0
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from medtda.utils import resample_image

print({name: version(name) for name in ("medtda", "simpleitk", "numpy", "gudhi")})
spacing = (1.0, 1.0, 2.0)
places = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip((100, 100, 50), spacing)), indexing="ij"))
ball = (np.sqrt(np.sum((places - 49.5) ** 2, axis=0)) < 20).astype(float)
resampled = resample_image(ball, original_spacing=spacing, target_spacing=(1.0, 1.0, 1.0), interpolator="nearest")


def extents(array):
    return [int(np.ptp(indices)) + 1 for indices in np.nonzero(array > 0.5)]


print("given", ball.shape, "spacing", spacing, "the ball is", extents(ball), "voxels")
print("resampled to 1 mm", resampled.shape, "the ball is", extents(resampled), "voxels")
if resampled.shape != (200, 100, 50) or extents(resampled)[0] < 78 or extents(resampled)[2] > 20:
    sys.exit("The behavior has changed: the array is resampled otherwise.")
PY
