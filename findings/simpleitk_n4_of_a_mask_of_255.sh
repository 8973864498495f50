#!/usr/bin/env bash
# SimpleITK's N4 leaves the image as it is if the mask has another value than 1.
#
# Versions: SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: N4BiasFieldCorrection uses the voxels of the mask that are 1. Of a mask of 0 and 255, or of a label image
#     without label 1, none is used; the filter runs and returns the input, without a word, for a whole data set.
# Expected: "If a UseMaskLabel value is set to false (the default), all non-zero voxels in the MaskImage will be
#     masked", as the filter is described (the setter says the opposite), or an error if there is no voxel.
# Seen: an object whose brightness grows from one end to the other. Mean of its last slice by that of its first one:
#     1.38 before; 1.0 after a correction with a mask of 1, 1.38 with one of 255, which returns the very same image.
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
mask = np.zeros((32, 32, 32), np.uint8)
mask[8:24, 8:24, 8:24] = 1
values = 100 * (1 + np.linspace(0, 1, 32)[:, None, None]) + np.random.default_rng(0).normal(0, 1, mask.shape)
image = sitk.GetImageFromArray(values.astype(np.float32))


def growth(result: sitk.Image) -> float:
    array = sitk.GetArrayFromImage(result)
    return round(float(array[23, 8:24, 8:24].mean() / array[8, 8:24, 8:24].mean()), 2)


seen = {"before": growth(image)}
for value in (1, 255):
    corrected = sitk.N4BiasFieldCorrection(image, sitk.GetImageFromArray(mask * np.uint8(value)))
    same = bool((sitk.GetArrayFromImage(corrected) == sitk.GetArrayFromImage(image)).all())
    seen[value] = growth(corrected), same
print(f"last slice of the object by its first one: {seen['before']} before, {seen[1][0]} with a mask of 1, "
      f"{seen[255][0]} with one of 255; the same image: {seen[1][1]} and {seen[255][1]}")
if seen["before"] < 1.3 or seen[1][0] > 1.1 or seen[1][1] or seen[255] != (seen["before"], True):
    sys.exit("The behavior has changed: the image is another one.")
PY
