#!/usr/bin/env bash
# A one-hot volume given to SimpleITK as an array becomes a volume whose axes are class, z and y.
#
# Versions: SimpleITK 2.5.7, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: GetImageFromArray of an array with four axes takes the last one for the components of a pixel. Probabilities
#     of shape (class, z, y, x), as PyTorch keeps them, become a volume of three axes in which x is the "channel".
#     Written as NIfTI and read back by nibabel, the axes are y, z, class, one of length 1, and x.
# Expected: an image of four axes, as an array of three axes gives an image of three.
# Seen: (3, 5, 6, 7) -> a 3-D image of size (6, 5, 3) with 7 components; in the NIfTI file: (6, 5, 3, 1, 7).
#     With isVector=False: a 4-D image of size (7, 6, 5, 3).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7 nibabel==5.4.2
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "nibabel", "numpy")})
probabilities = np.full((3, 5, 6, 7), 1 / 3, np.float32)
image = sitk.GetImageFromArray(probabilities)
sitk.WriteImage(image, "probabilities.nii.gz")
shape = nibabel.load("probabilities.nii.gz").shape
print("array", probabilities.shape, "-> image", image.GetSize(), "with", image.GetNumberOfComponentsPerPixel(), "components")
print("NIfTI file:", shape, "; with isVector=False:", sitk.GetImageFromArray(probabilities, isVector=False).GetSize())
if image.GetSize() != (6, 5, 3) or image.GetNumberOfComponentsPerPixel() != 7 or shape != (6, 5, 3, 1, 7):
    sys.exit("The behavior has changed: the last of four axes is no longer taken for the components.")
PY
