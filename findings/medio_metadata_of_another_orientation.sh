#!/usr/bin/env bash
# medio's read_meta places an image elsewhere than read_img does if another orientation is asked for.
#
# Versions: medio 0.7.1, nibabel 5.3.2, ITK 5.4.7, NumPy 2.2.6.
# Behavior: with the backend for NIfTI, read_meta multiplies the transformation of the voxels and the affine in the
#     wrong order, and permutes the shape by the inverse permutation. If axes are flipped only, the origin is wrong; if
#     three axes change places, the voxel sizes belong to other axes and the shape is that of another array. What
#     read_img returns with the image is right.
# Expected: "read only the metadata": the same affine and shape as with the image.
# Seen: an image of 10 × 20 × 30 voxels of 1 × 2 × 3 mm in RAS. As LPI its first voxel is 133 mm away from where it is.
#     As PIR: 119 mm, and the shape is (30, 10, 20) instead of (20, 30, 10), with voxels of 1 × 2 × 3 mm instead of 2 ×
#     3 × 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 nibabel==5.3.2 itk==5.4.7 medio==0.7.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from medio import read_img, read_meta

print({name: version(name) for name in ("medio", "nibabel", "itk", "numpy")})
affine = np.diag([1.0, 2.0, 3.0, 1.0])
affine[:3, 3] = -10, 20, 30
nib.save(nib.Nifti1Image(np.zeros((10, 20, 30), np.int16), affine), "image.nii.gz")
seen = {}
for codes in ("RAS", "LPI", "PIR"):
    image, with_image = read_img("image.nii.gz", codes, backend="nib", coord_sys="nib")
    alone = read_meta("image.nii.gz", codes, backend="nib", coord_sys="nib")
    right, given = (np.asarray(one.affine, float) for one in (with_image, alone))
    shape = tuple(int(size) for size in alone.spatial_shape)
    distance = np.linalg.norm((right - given) @ [0, 0, 0, 1])
    sizes = [tuple(np.linalg.norm(one[:3, :3], axis=0).round(3).tolist()) for one in (right, given)]
    seen[codes] = image.shape == shape, sizes[0] == sizes[1], round(float(distance), 1)
    print(f"{codes}: shapes {image.shape} and {shape}, voxels {sizes[0]} and {sizes[1]} mm, {distance:.1f} mm apart")
if seen != {"RAS": (True, True, 0.0), "LPI": (True, True, 133.4), "PIR": (False, False, 118.8)}:
    sys.exit("The behavior has changed: the metadata are others.")
PY
