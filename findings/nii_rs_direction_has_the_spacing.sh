#!/usr/bin/env bash
# A mask that gets spacing and direction of its image in nii-rs has the square of the spacing: 0.49 mm instead of 0.7.
#
# Versions: nii-rs 0.1.2, nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: get_direction, "ITK style", returns the direction times the spacing, not unit vectors as in ITK. set_spacing
#     followed by set_direction, with what the getters of another image returned, multiplies twice. set_direction before
#     set_spacing, and copy_infomation, give the right geometry. SimpleITK takes such a direction, too, without a word.
# Expected: unit vectors, and the geometry of the image in any order.
# Seen: an image with voxels of 0.7 x 0.7 x 5 mm, in RAS. Its direction: -0.7, -0.7 and 5 instead of -1, -1 and 1. A
#     mask with 1000 voxels has 0.49 x 0.49 x 25 mm, and 6.0 cm³ instead of 2.45, in nibabel and SimpleITK.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 nibabel==5.4.2 simpleitk==2.5.7 nii-rs==0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import nii
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("nii-rs", "nibabel", "SimpleITK", "numpy")})
nib.save(nib.Nifti1Image(np.zeros((40, 40, 20), np.float32), np.diag([0.7, 0.7, 5, 1])), "image.nii.gz")
image = nii.read_image("image.nii.gz")
diagonals = np.diag(image.get_direction()), np.diag(np.reshape(sitk.ReadImage("image.nii.gz").GetDirection(), (3, 3)))
mask = np.zeros((20, 40, 40), np.uint8)
mask[5:15, 5:15, 5:15] = 1
seen = {}
for order in (("spacing", "direction"), ("direction", "spacing")):
    new = nii.get_image_from_array(mask)
    for name in order:
        getattr(new, f"set_{name}")(getattr(image, f"get_{name}")())
    nii.write_image(new, "mask.nii.gz")
    spacings = nib.load("mask.nii.gz").header.get_zooms(), sitk.ReadImage("mask.nii.gz").GetSpacing()
    volume = round(float(mask.sum() * np.prod(spacings[0])) / 1000, 2)
    seen[order] = [[round(float(value), 2) for value in spacing] for spacing in spacings], volume
    print(f"{' then '.join(order)}: voxels in nibabel and SimpleITK {seen[order][0]} mm, a mask of {volume} cm³")
print(f"diagonal of the direction: {diagonals[0].round(2).tolist()}, in SimpleITK {diagonals[1].tolist()}")
expected = [([[0.49, 0.49, 25.0]] * 2, 6.0), ([[0.7, 0.7, 5.0]] * 2, 2.45)]
if list(seen.values()) != expected or diagonals[0].round(2).tolist() != [-0.7, -0.7, 5.0]:
    sys.exit("The behavior has changed: the geometry is another one.")
PY
