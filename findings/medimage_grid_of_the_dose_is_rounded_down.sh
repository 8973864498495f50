#!/usr/bin/env bash
# medimage moves an image by up to a voxel where it brings it to the grid of another one: it interpolates nothing.
#
# Versions: medimage 1.0.7, SimpleITK 2.5.7, SciPy 1.17.1, NumPy 2.4.6, pydicom 2.4.4.
# Behavior: crop_as computes where each new voxel lies in the old image, and keeps the places in an array of integers,
#     which cuts their fractions off. Interpolation, whatever its order, then takes the voxel below. Voxels up to one
#     voxel before the first one get its value.
# Expected: linear interpolation: values of the CT at the places of the dose ("you can get your CT values for each dose
#     voxel like so"), and a ramp that stays a ramp.
# Seen: a ramp of 100 per mm with voxels of 1 mm. On a grid that begins 0.9 mm further: 0, 100, 200 instead of 90, 190,
#     290. With voxels of 0.5 mm: 0, 0, 100, 100 instead of 0, 50, 100, 150.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 pydicom==2.4.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medimage==1.0.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medimage import image

print({name: version(name) for name in ("medimage", "simpleitk", "scipy", "numpy", "pydicom")})
ramp = sitk.GetImageFromArray(np.broadcast_to(np.arange(20) * 100.0, (4, 4, 20)).astype(np.float32))
sitk.WriteImage(ramp, "ct.mhd")
seen = {}
for start, spacing in ((0.9, 1.0), (0.0, 0.5)):
    dose = sitk.Image([18, 4, 4], sitk.sitkFloat32)
    dose.SetOrigin((start, 0, 0))
    dose.SetSpacing((spacing, 1, 1))
    sitk.WriteImage(dose, "dose.mhd")
    ct = image("ct.mhd")
    ct.crop_as(image("dose.mhd"), order=1)
    right = sitk.GetArrayFromImage(sitk.Resample(ramp, dose, sitk.Transform(), sitk.sitkLinear))[0, 0, :4].round()
    seen[start, spacing] = ct.imdata[:4, 0, 0].round().tolist()
    print(f"from {start} mm, {spacing} mm: {seen[start, spacing]}; SimpleITK: {right.tolist()}")
if seen != {(0.9, 1.0): [0.0, 100.0, 200.0, 300.0], (0.0, 0.5): [0.0, 0.0, 100.0, 100.0]}:
    sys.exit("The behavior has changed: the values are others.")
PY
