#!/usr/bin/env bash
# nii2dcm writes a DICOM series that lies elsewhere in the patient than the NIfTI file it was made from.
#
# Versions: nii2dcm 0.1.6, nibabel 5.0.0, pydicom 2.3.0, SimpleITK 2.5.7, NumPy 1.23.2.
# Behavior: the position of each slice is written with the signs of NIfTI (right, anterior, superior are positive)
#     instead of those of DICOM (left, posterior, superior), unlike its directions; and slice n gets the position of
#     slice n - 1. So the image moves along x and y by twice the position of its first voxel, and down by one slice.
# Expected: every voxel at the same place of the patient, so that a mask drawn on the DICOM series fits the NIfTI file.
# Seen: a lesion at (-33.5, -27.5, -21.0) mm (as SimpleITK reads both) is at (46.5, 72.5, -24.0); slices are 3 mm apart.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.23.2 nibabel==5.0.0 pydicom==2.3.0 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps nii2dcm==0.1.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel
import nii2dcm.dcm
import numpy as np
import SimpleITK as sitk
from nii2dcm.run import run_nii2dcm

print({name: version(name) for name in ("nii2dcm", "nibabel", "pydicom", "SimpleITK", "numpy")})


def middle(image):
    index = np.argwhere(sitk.GetArrayFromImage(image) > 0).mean(axis=0)[::-1]
    return [round(value, 1) for value in image.TransformContinuousIndexToPhysicalPoint(index.tolist())]


array = np.zeros((30, 40, 20), np.int16)
array[5:9, 20:26, 12:15] = 800
affine = np.diag([-1.0, -1.0, 3.0, 1.0])
affine[:3, 3] = 40, 50, -60
image = nibabel.Nifti1Image(array, affine)
image.set_sform(affine, 1)
image.set_qform(affine, 1)
nibabel.save(image, "image.nii.gz")
Path("dicom").mkdir()
run_nii2dcm("image.nii.gz", "dicom", dicom_type="MR")
before = middle(sitk.ReadImage("image.nii.gz"))
after = middle(sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames("dicom")))
print(f"middle of the lesion in the NIfTI file: {before}, in the DICOM series: {after}")
if (before, after) != ([-33.5, -27.5, -21.0], [46.5, 72.5, -24.0]):
    sys.exit("The behavior has changed: the lesion is at another place.")
PY
