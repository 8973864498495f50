#!/usr/bin/env bash
# SimpleITKUtilities' make_isotropic ignores the spacing and the axes that are asked for if the image is isotropic.
#
# Versions: SimpleITKUtilities 0.3.0, SimpleITK 2.5.7, NumPy 2.3.5.
# Behavior: if the three spacings of the image are equal, a copy is returned before the arguments are looked at. In a
#     data set that is to have one spacing, those images keep theirs that were isotropic before, and a turned image its
#     axes with standardize_axes. The docstring has the spacing as that which is desired.
# Expected: an image of the spacing that was asked for.
# Seen: spacing=2 makes 2 mm of 1 x 1 x 1.5 mm, and 1 mm of 1 x 1 x 1 mm. A ball of 10 mm has 532 voxels in one,
#     4139 in the other.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 simpleitk==2.5.7 SimpleITKUtilities==0.3.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from SimpleITK.utilities import make_isotropic

print({name: version(name) for name in ("SimpleITKUtilities", "SimpleITK", "numpy")})
seen = {}
for spacing in ((1.0, 1.0, 1.5), (1.0, 1.0, 1.0), (3.0, 3.0, 3.0)):
    size = [int(60 / each) for each in spacing]
    middle = np.indices(size[::-1]).transpose(1, 2, 3, 0) * spacing[::-1] - 29
    image = sitk.GetImageFromArray((np.linalg.norm(middle, axis=-1) < 10).astype(np.uint8))
    image.SetSpacing(spacing)
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    result = make_isotropic(image, sitk.sitkNearestNeighbor, spacing=2.0, standardize_axes=True)
    straight = result.GetDirection() == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    seen[spacing] = result.GetSpacing(), straight
    voxels = int(sitk.GetArrayFromImage(result).sum())
    print(f"{spacing} mm, asked for 2: {result.GetSpacing()}, axes straight: {straight}, voxels of a ball: {voxels}")
expected = {spacing: (spacing, False) for spacing in ((1.0, 1.0, 1.0), (3.0, 3.0, 3.0))}
if seen != expected | {(1.0, 1.0, 1.5): ((2.0, 2.0, 2.0), True)}:
    sys.exit("The behavior has changed: the images have another spacing.")
PY
