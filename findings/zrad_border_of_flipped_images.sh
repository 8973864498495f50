#!/usr/bin/env bash
# Z-Rad resamples images of which axes are flipped to a grid that sticks out of them: their border is set to 0.
#
# Versions: z-rad 26.9.0, SimpleITK 2.5.7, NumPy 2.3.5.
# Behavior: the new grid is to have the same middle as the old one. The origin is moved for that along x, y and z, where
#     it should be moved along the axes of the image. If these are flipped, as of every NIfTI file in RAS, it moves the
#     other way; of sagittal and coronal slices, along another axis. What lies beyond the image is 0.
# Expected: air stays air, and a mask keeps its volume, in every direction.
# Seen: air of -1000 HU from 1 to 3 mm: none of the voxels is 0 in LPS, 19 % are in RAS and in sagittal slices. A mask
#     of the whole image has 27.0, 21.9 and 21.9 cm³.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 scipy==1.17.1 scikit-image==0.26.0 simpleitk==2.5.7 pydicom==3.0.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps z-rad==26.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from zrad.image import Image
from zrad.preprocessing import ImageResampler, MaskResampler

print({name: version(name) for name in ("z-rad", "SimpleITK", "numpy")})
directions = {
    "LPS": (1, 0, 0, 0, 1, 0, 0, 0, 1),
    "RAS": (-1, 0, 0, 0, -1, 0, 0, 0, 1),
    "sagittal": (0, 0, -1, 1, 0, 0, 0, -1, 0),
}
seen = {}
for name, direction in directions.items():
    for what, value in (("air", -1000), ("mask", 1)):
        image = sitk.GetImageFromArray(np.full((30, 30, 30), value, np.int16))
        image.SetDirection(direction)
        sitk.WriteImage(image, f"{what}.nii")
    air = ImageResampler(3.0, "linear").apply(Image.from_nifti("air.nii")).array
    mask = MaskResampler(3.0).apply(Image.from_nifti("mask.nii")).array
    seen[name] = round(float((air == 0).mean()), 2), round(float(mask.sum()) * 27 / 1000, 1)
    print(f"{name}: {air.shape} of 3 mm, voxels of 0 HU {seen[name][0]:.0%}, volume of the mask {seen[name][1]} cm³")
if seen != {"LPS": (0.0, 27.0), "RAS": (0.19, 21.9), "sagittal": (0.19, 21.9)}:
    sys.exit("The behavior has changed: the border is another.")
PY
