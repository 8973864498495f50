#!/usr/bin/env bash
# A MetaImage file that imagedata writes has slices of 3 mm that lie 9 mm apart: an organ is 21 mm away.
#
# Versions: imagedata 3.10.0, itk-io 5.4.7, nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the direction of the slices is written with a length of the distance between slices, where MetaImage wants a
#     unit vector, and the distance is in the spacing once more. SimpleITK takes it without a word and counts both.
#     imagedata itself, when it reads the file, puts the organ elsewhere again. NIfTI and DICOM that it writes of the
#     same image are right.
# Expected: the organ at its place, as in NIfTI.
# Seen: the middle of an organ is at (30, -17, 20.5), in a NIfTI file by imagedata, too. In a MetaImage file, by
#     SimpleITK, at (30, -17, 41.5); read by imagedata and written as NIfTI at (30, -17, -0.5).
#     With slices of 1 mm SimpleITK finds it at its place, imagedata 7 mm below.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 nibabel==5.4.2 simpleitk==2.5.7 pydicom==3.0.2 imagedata==3.10.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
import SimpleITK as sitk
from imagedata.series import Series

print({name: version(name) for name in ("imagedata", "itk-io", "nibabel", "SimpleITK", "numpy")})
mask = np.zeros((20, 24, 16), np.int16)
mask[3:8, 4:10, 2:6] = 1


def by_nibabel(path: str) -> list:
    image = nib.load(path)
    return nib.affines.apply_affine(image.affine, np.argwhere(image.get_fdata() > 0).mean(axis=0)).round(1).tolist()


def by_simpleitk(path: str) -> list:
    image = sitk.ReadImage(path)
    index = np.argwhere(sitk.GetArrayFromImage(image) > 0).mean(axis=0)[::-1]
    place = np.array(image.TransformContinuousIndexToPhysicalPoint(index.tolist())) * [-1, -1, 1]
    return place.round(1).tolist()


seen = {}
for thickness in (3, 1):
    affine = np.diag([2, 2, thickness, 1])
    affine[:3, 3] = 20, -30, 10
    nib.save(nib.Nifti1Image(mask, affine), "mask.nii.gz")
    Series("mask.nii.gz").write(f"{thickness}/new.nii.gz", formats=["nifti"])
    Series("mask.nii.gz").write(f"{thickness}/new.mha", formats=["itk"])
    Series(f"{thickness}/new.mha").write(f"{thickness}/again.nii.gz", formats=["nifti"])
    seen[thickness] = [by_nibabel("mask.nii.gz"), by_nibabel(f"{thickness}/new.nii.gz"),
                       by_simpleitk(f"{thickness}/new.mha"), by_nibabel(f"{thickness}/again.nii.gz")]
    print(f"slices of {thickness} mm: organ at {seen[thickness][0]}, in NIfTI {seen[thickness][1]}, in MetaImage "
          f"{seen[thickness][2]}, read by imagedata again {seen[thickness][3]}")
organ = [30.0, -17.0, 20.5], [30.0, -17.0, 13.5]
if seen != {
    3: [organ[0], organ[0], [30.0, -17.0, 41.5], [30.0, -17.0, -0.5]],
    1: [organ[1], organ[1], organ[1], [30.0, -17.0, 6.5]],
}:
    sys.exit("The behavior has changed: the organ is elsewhere.")
PY
