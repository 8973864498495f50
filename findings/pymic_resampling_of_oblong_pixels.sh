#!/usr/bin/env bash
# PyMIC resamples x by the spacing of y and y by that of x, and puts the image at the origin.
#
# Versions: PyMIC 0.6.2 (PYMIC), SimpleITK 2.5.7, SciPy 1.17.1, NumPy 2.4.6, PyTorch 2.13.0.
# Behavior: the factors of x, y and z are put in the order z, x, y for an array whose axes are z, y, x. The header gets
#     the spacing that was asked for and the direction of the input, but not its origin.
# Expected: objects of the same size in mm, at the same place, in an image of half the columns.
# Seen: pixels of 0.5 x 1 mm to 1 x 1 mm: 30 x 20 pixels become 30 x 10 instead of 15 x 20. An object of 5 x 10 mm is 10
#     x 4 mm large afterwards; its middle was at (-2.75, -10.5, -16.5) mm and is at (14.5, 4.5, 13.5).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 \
    torch==2.13.0 pandas==2.3.3 h5py==3.16.0 pillow==13.0.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps PYMIC==0.6.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from pymic.util.image_process import resample_sitk_image_to_given_spacing

print({name: version(name) for name in ("pymic", "simpleitk", "scipy", "numpy", "torch")})
voxels = np.zeros((10, 20, 30), np.float32)
voxels[3:7, 5:15, 10:20] = 1
given = sitk.GetImageFromArray(voxels)
given.SetSpacing((0.5, 1.0, 3.0))
given.SetOrigin((-10.0, -20.0, -30.0))
seen = {}
for name, image in (("given", given), ("resampled", resample_sitk_image_to_given_spacing(given, (1.0, 1.0, 3.0), 1))):
    places = np.argwhere(sitk.GetArrayFromImage(image) > 0.5)[:, ::-1]
    lengths = (np.ptp(places, axis=0) + 1) * image.GetSpacing()
    middle = image.TransformContinuousIndexToPhysicalPoint(places.mean(0).tolist())
    seen[name] = image.GetSize(), lengths.tolist(), [round(value, 2) for value in middle]
    print(f"{name}: {image.GetSize()} voxels of {image.GetSpacing()} mm,", end=" ")
    print(f"object of {seen[name][1]} mm at {seen[name][2]}")
as_described = seen["given"] == ((30, 20, 10), [5.0, 10.0, 12.0], [-2.75, -10.5, -16.5])
as_described &= seen["resampled"] == ((30, 10, 10), [10.0, 4.0, 12.0], [14.5, 4.5, 13.5])
sys.exit(0 if as_described else "The behavior has changed.")
PY
