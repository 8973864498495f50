#!/usr/bin/env bash
# Labels that nibabel saves with the header they were read with are no whole numbers any more.
#
# Versions: nibabel 5.4.2, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: get_fdata() gives floating-point numbers, and the header of a label file says uint8. Saved together, the
#     values are stretched over all of 0 ... 255, with a slope in the header, although each of them is a uint8 already.
#     Read back, they are a little off, and what cuts fractions off (astype(int), Cast to integers) has another label;
#     SimpleITK reads the file as floating-point numbers.
# Expected: whole numbers that fit into the type of the file are stored as they are, with slope 1. Known to nibabel as
#     its issues 1344 (open) and 1001 (open), which asks for a page on labels in the documentation.
# Seen: labels 0 ... 7 through get_fdata() and Nifti1Image(array, affine, header): slope 0.0275, and 192 of 512 voxels
#     (the labels 1, 3 and 5) have the label below their own after astype(int), and likewise after SimpleITK's Cast.
#     With np.asarray(image.dataobj) instead of get_fdata() all are right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 nibabel==5.4.2 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel
import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("nibabel", "simpleitk", "numpy")})
labels = np.arange(8**3).reshape(8, 8, 8) % 8
nibabel.save(nibabel.Nifti1Image(labels.astype(np.uint8), np.eye(4)), "label.nii.gz")
first = nibabel.load("label.nii.gz")
wrong = {}
for way, values in (("get_fdata()", first.get_fdata()), ("dataobj", np.asarray(first.dataobj))):
    nibabel.save(nibabel.Nifti1Image(values, first.affine, first.header), "again.nii.gz")
    again = nibabel.load("again.nii.gz")
    itk = sitk.ReadImage("again.nii.gz")
    cast = sitk.GetArrayFromImage(sitk.Cast(itk, sitk.sitkUInt8)).T
    changed = again.get_fdata().astype(int) != labels
    wrong[way] = int(changed.sum()), int((cast != labels).sum())
    print(
        f"{way}: stored as {again.get_data_dtype()} with slope {again.dataobj.slope:.4f}; "
        f"wrong after astype(int): {wrong[way][0]} of {labels.size}, labels {np.unique(labels[changed]).tolist()}; "
        f"SimpleITK reads {itk.GetPixelIDTypeAsString()}, wrong after Cast: {wrong[way][1]}"
    )
if not wrong["get_fdata()"][0] > 0 or not wrong["get_fdata()"][1] > 0 or wrong["dataobj"] != (0, 0):
    sys.exit("The behavior has changed: labels come back whole.")
PY
