#!/usr/bin/env bash
# PyRaDiSe merges masks of slices that are not square into one of exchanged width and height, and cuts organs off.
#
# Versions: pyradise 0.2.3, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the empty image into which MergeSegmentationFilter draws the organs has as many rows as the masks have
#     columns and as many columns as they have rows. What lies beyond is lost, and the mask does not fit the image it
#     belongs to. Square slices are right.
# Expected: a merged mask with the size of the masks and all of their voxels.
# Seen: a liver of 648 voxels, and a spleen of 128 at the other side, in slices of 64 x 40 pixels. Merged: slices of
#     40 x 64, in which the liver has 648 voxels and the spleen none. In slices of 64 x 64 both are there.
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
boxes = {"liver": (2, 20, 2, 20), "spleen": (20, 28, 54, 62)}
params = MergeSegmentationFilterParams(tuple(boxes), (1, 2), "all", "reader")
seen = {}
for rows in (64, 40):
    patient = Subject("patient")
    for name, (top, bottom, left, right) in boxes.items():
        mask = np.zeros((6, rows, 64), np.uint8)
        mask[2:4, top:bottom, left:right] = 1
        patient.add_image(SegmentationImage(sitk.GetImageFromArray(mask), Organ(name), Annotator("reader")))
    merged = MergeSegmentationFilter().execute(patient, params).get_image_by_organ("all").get_image_data()
    labels = sitk.GetArrayFromImage(merged)
    seen[rows] = merged.GetSize()[:2], [int((labels == label).sum()) for label in (1, 2)]
    print(f"slices of 64 x {rows} pixels: merged {seen[rows][0]}, liver and spleen of {seen[rows][1]} voxels")
if seen != {64: ((64, 64), [648, 128]), 40: ((40, 64), [648, 0])}:
    sys.exit("The behavior has changed: the merged mask is another one.")
PY
