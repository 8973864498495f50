#!/usr/bin/env bash
# PyRaDiSe gives an organ the label of the one before it in a patient in whom that one was not drawn.
#
# Versions: pyradise 0.2.3, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: MergeSegmentationFilter takes organs and their indexes in the merged mask. Organs that a patient does not
#     have are left out, but not their indexes: those that follow get the index of the organ before. The masks of a
#     data set have other labels from patient to patient, without a word.
# Expected: "the resulting segmentation will contain the organ indexes associated with the provided organs".
# Seen: liver, kidney and spleen as 1, 2 and 3. A patient with all three: 648, 72 and 128 voxels. Without the kidney the
#     128 voxels of the spleen are label 2; without the liver the kidney is 1 and the spleen 2.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 pydicom==3.0.2 simpleitk==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile itk==5.4.6 vtk==9.7.2 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pyradise==0.2.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from pyradise.data import Annotator, Organ, SegmentationImage, Subject
from pyradise.process import MergeSegmentationFilter, MergeSegmentationFilterParams

print({name: version(name) for name in ("pyradise", "SimpleITK", "numpy")})
boxes = {"liver": (2, 20, 2, 20), "kidney": (22, 28, 22, 28), "spleen": (30, 38, 4, 12)}
params = MergeSegmentationFilterParams(tuple(boxes), (1, 2, 3), "all", "reader")
seen = {}
for missing in (None, "kidney", "liver"):
    patient = Subject("patient")
    for name, (top, bottom, left, right) in boxes.items():
        if name != missing:
            mask = np.zeros((6, 40, 40), np.uint8)
            mask[2:4, top:bottom, left:right] = 1
            patient.add_image(SegmentationImage(sitk.GetImageFromArray(mask), Organ(name), Annotator("reader")))
    merged = MergeSegmentationFilter().execute(patient, params).get_image_by_organ("all").get_image_data()
    labels = sitk.GetArrayFromImage(merged)
    seen[missing] = [int((labels == label).sum()) for label in (1, 2, 3)]
    print(f"without {missing}: labels 1, 2 and 3 have {seen[missing]} voxels")
if seen != {None: [648, 72, 128], "kidney": [648, 128, 0], "liver": [72, 128, 0]}:
    sys.exit("The behavior has changed: the labels are others.")
PY
