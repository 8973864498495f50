#!/usr/bin/env bash
# A NIfTI image that goes through ngff-zarr from nibabel to ITK is scrambled: its voxels are read in another order.
#
# Versions: ngff-zarr 0.50.0, nibabel 5.4.2, itkwasm 1.0b201, itkwasm-image-io 1.6.1, SimpleITK 2.5.7, NumPy 2.3.5.
# Behavior: the array of nibabel keeps its axes x, y and z. ngff_image_to_itk_image takes size, spacing and origin by
#     the names of the axes, but the array as it is; ITK takes the last axis of an array for x. (The origin keeps its
#     signs while the directions are translated from RAS to LPS, so the image lies elsewhere as well.)
# Expected: the voxels where they were; both functions are said to convert an image, one to preserve spatial metadata.
# Seen: an object of 84 voxels comes back as 32 objects of together 84 voxels. Through ITK's own reader it stays one.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.3.5 nibabel==5.4.2 ngff-zarr==0.50.0 itkwasm==1.0b201 itkwasm-image-io==1.6.1 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk
from itkwasm_image_io import imread, imwrite
from ngff_zarr import itk_image_to_ngff_image, ngff_image_to_itk_image, nibabel_image_to_ngff_image

print({name: version(name) for name in ("ngff-zarr", "nibabel", "itkwasm", "itkwasm-image-io", "SimpleITK", "numpy")})
labels = np.zeros((14, 12, 10), np.uint8)
labels[5:12, 4:8, 3:6] = 1
nibabel.save(nibabel.Nifti1Image(labels, np.diag([1.0, 2.0, 3.0, 1.0])), "labels.nii")
ways = {
    "nibabel": nibabel_image_to_ngff_image(nibabel.load("labels.nii")),
    "ITK": itk_image_to_ngff_image(imread("labels.nii")),
}
seen = {}
for name, image in ways.items():
    imwrite(ngff_image_to_itk_image(image), f"{name}.nrrd")
    back = sitk.ReadImage(f"{name}.nrrd")
    voxels = int(sitk.GetArrayFromImage(back).sum())
    objects = int(sitk.GetArrayFromImage(sitk.ConnectedComponent(back)).max())
    seen[name] = voxels, objects
    print(f"read by {name}, axes {'/'.join(image.dims)}, array {image.data.shape}: back in ITK", end=" ")
    print(f"size {back.GetSize()}, spacing {back.GetSpacing()}, {voxels} voxels in {objects} objects")
if seen != {"nibabel": (84, 32), "ITK": (84, 1)}:
    sys.exit("The behavior has changed: the voxels come back otherwise.")
PY
