#!/usr/bin/env bash
# A NIfTI file whose sform and qform codes are both 0 lies in two places: nibabel mirrors one axis, SimpleITK another.
#
# Versions: nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: without a code nibabel falls back to the convention of Analyze (x runs to the left, the center of the volume
#     is the origin); ITK puts the first voxel at the origin of its own axes (x to the left, y to the back). Seen from
#     the patient the volumes have y in opposite directions and origins far apart. The codes are 0 in what nibabel
#     itself writes for an image without an affine.
# Expected: the same place in both, since there is nothing but the sizes of the voxels to go by.
# Seen: a volume of 10 x 12 x 14 voxels of 2 x 3 x 4 mm; voxel (2, 3, 4) is at (5.0, -7.5, -10.0) mm (right, anterior,
#     superior) for nibabel, and at (-4.0, -9.0, 16.0) mm for SimpleITK; one voxel further in y is +3 mm and -3 mm.
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

print({name: version(name) for name in ("nibabel", "simpleitk", "numpy")})
image = nibabel.Nifti1Image(np.zeros((10, 12, 14), np.uint8), None)
image.header.set_zooms((2, 3, 4))
nibabel.save(image, "label.nii.gz")
loaded = nibabel.load("label.nii.gz")
print("codes:", int(loaded.header["sform_code"]), int(loaded.header["qform_code"]))
opened = sitk.ReadImage("label.nii.gz")


def by_nibabel(voxel):
    return (loaded.affine @ [*voxel, 1])[:3].tolist()


def by_simpleitk(voxel):
    left, posterior, superior = opened.TransformIndexToPhysicalPoint(voxel)
    return [-left, -posterior, superior]


for voxel in ((2, 3, 4), (2, 4, 4)):
    print("voxel", voxel, "nibabel", by_nibabel(voxel), "SimpleITK", by_simpleitk(voxel), "mm right, anterior, superior")
if by_nibabel((2, 3, 4)) != [5.0, -7.5, -10.0] or by_simpleitk((2, 3, 4)) != [-4.0, -9.0, 16.0]:
    sys.exit("The behavior has changed: the places without codes are others.")
PY
