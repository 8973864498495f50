#!/usr/bin/env bash
# Eisen adds slices of 0 HU at the upper end of a CT that it resamples, and columns at its sides.
#
# Versions: eisen-core 0.0.9, SimpleITK 2.5.7, NumPy 2.2.6, nibabel 5.4.2, nilearn 0.14.1.
# Behavior: ResampleITKVolumes takes as many voxels as fit into the length of the image, but begins with the middle of
#     the first voxel. The last ones lie beyond the image and are 0, which is water, on one side of each axis only.
# Expected: values of the image, as its length is kept, or those next to it.
# Seen: ten slices of 5 mm of air (-1000 HU) resampled to 1 mm: 50 slices, the last two of 0 HU; of pixels of 4 mm
#     resampled to 1 mm also the last two rows and columns.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 pandas==2.3.3 scikit-learn==1.9.1 nilearn==0.14.1 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps eisen-core==0.0.9
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from eisen.transforms.imaging import ResampleITKVolumes

print({name: version(name) for name in ("eisen-core", "SimpleITK", "numpy", "nibabel", "nilearn")})
seen = {}
for spacing in ((1, 1, 5), (4, 4, 5)):
    ct = sitk.GetImageFromArray(np.full((10, 20, 20), -1000, np.int16))
    ct.SetSpacing(spacing)
    resampled = sitk.GetArrayFromImage(ResampleITKVolumes(["ct"], [1, 1, 1])({"ct": ct})["ct"])
    water = [np.flatnonzero((np.moveaxis(resampled, axis, 0) == 0).all((1, 2))).tolist() for axis in range(3)]
    seen[spacing] = resampled.shape, water
    print(f"voxels of {spacing} mm: {resampled.shape}, 0 HU in slices {water[0]}, rows {water[1]}, columns {water[2]}")
print(f"values {np.unique(resampled).tolist()}")
if seen != {(1, 1, 5): ((50, 20, 20), [[48, 49], [], []]), (4, 4, 5): ((50, 80, 80), [[48, 49], [78, 79], [78, 79]])}:
    sys.exit("The behavior has changed: the slices have other values.")
PY
