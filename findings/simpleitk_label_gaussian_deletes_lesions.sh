#!/usr/bin/env bash
# SimpleITK's interpolator for labels deletes walls and small lesions, on the same grid as well.
#
# Versions: SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: sitkLabelGaussian takes the label with the largest sum of Gaussian weights around a point, with a sigma of
#     one voxel that cannot be set through Resample. What is one voxel thick, or two voxels across, is outvoted by the
#     background: it is gone even where nothing is to be resampled. sitkNearestNeighbor keeps all of it.
# Expected: the labels themselves where points are voxels; on a finer grid about the same volume.
# Seen: an organ of 10 x 10 x 10 voxels, a wall of 10 x 1 x 20, a lesion of 2 x 2 x 2. On the same grid: 992 of 1000, 0
#     of 200 and 0 of 8. On a grid of half the spacing, 0.97, 0 and 0 of the volume.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("SimpleITK", "numpy")})
labels = np.zeros((20, 40, 40), np.uint8)
labels[5:15, 10:20, 10:20] = 1
labels[5:15, 25, 10:30] = 2
labels[10:12, 35:37, 35:37] = 3
image = sitk.GetImageFromArray(labels)
image.SetSpacing((1, 1, 1))
fine = sitk.Image([2 * size for size in image.GetSize()], sitk.sitkUInt8)
fine.SetSpacing((0.5, 0.5, 0.5))
fine.SetOrigin((-0.25, -0.25, -0.25))
seen = {}
for name, interpolator in (("label Gaussian", sitk.sitkLabelGaussian), ("nearest", sitk.sitkNearestNeighbor)):
    same = sitk.GetArrayFromImage(sitk.Resample(image, image, sitk.Transform(), interpolator))
    finer = sitk.GetArrayFromImage(sitk.Resample(image, fine, sitk.Transform(), interpolator))
    counts = [int((same == label).sum()) for label in (1, 2, 3)]
    parts = [round(float((finer == label).sum() / (labels == label).sum() / 8), 2) for label in (1, 2, 3)]
    seen[name] = counts, parts
    print(f"{name}: {counts} of [1000, 200, 8] voxels on the same grid, {parts} of the volume on a finer one")
if seen != {"label Gaussian": ([992, 0, 0], [0.97, 0.0, 0.0]), "nearest": ([1000, 200, 8], [1.0, 1.0, 1.0])}:
    sys.exit("The behavior has changed: the labels are others.")
PY
