#!/usr/bin/env bash
# rtdicomtools gives the names of structures to contours by their order in the file: liver and spleen are exchanged.
#
# Versions: rtdicomtools 1.0.1, pydicom 3.0.2, OpenCV 4.11.0.86.
# Behavior: the n-th item of the contours is taken for the n-th item of the structures. The number by which a contour
#     refers to its structure is not read.
# Expected: contours by Referenced ROI Number, as DICOM defines it; the order of items is free.
# Seen: a liver of 60 × 60 mm in 2 slices and a spleen of 20 × 20 mm in one. If the contours of the spleen are written
#     first, the spleen is 60 mm wide in 2 slices and the liver 20 mm in one. (It needs Python's tkinter.)
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pydicom==3.0.2 matplotlib==3.10.7 \
    opencv-python-headless==4.11.0.86 scipy==1.15.3 imutils==0.5.4 \
    pandas==2.3.3 pillow==11.3.0 customtkinter==5.2.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps rtdicomtools==1.0.1
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid
from rtdicomtools import DICOMStructureSet

print({name: version(name) for name in ("rtdicomtools", "pydicom", "opencv-python-headless")})
sizes = {1: ("liver", 60, (0, 3)), 2: ("spleen", 20, (0,))}


def contours_of(number):
    _, size, places = sizes[number]
    contours = []
    for z in places:
        corners = [(0, 0, z), (size, 0, z), (size, size, z), (0, size, z)]
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        contour.ContourData = [float(value) for corner in corners for value in corner]
        contours.append(contour)
    item = Dataset()
    item.ReferencedROINumber, item.ROIDisplayColor, item.ContourSequence = number, [255, 0, 0], contours
    return item


def structure_set(name, order):
    structures = []
    for number, (organ, _, _) in sizes.items():
        item = Dataset()
        item.ROINumber, item.ROIName = number, organ
        structures.append(item)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.Modality = RTStructureSetStorage, generate_uid(), "RTSTRUCT"
    dataset.StructureSetROISequence = structures
    dataset.ROIContourSequence = [contours_of(number) for number in order]
    pydicom.dcmwrite(name, dataset, enforce_file_format=True)
    read = DICOMStructureSet(name)
    seen = {}
    for organ in read.getAvailableStructureNames():
        drawn = np.asarray(read.DrawStructureContours(organ)).any(-1)
        seen[organ] = (int(np.ptp(np.nonzero(drawn)[2])), len(drawn))
    print("contours of", [sizes[number][0] for number in order], "in this order:", end=" ")
    print({organ: f"{width} mm in {slices} slices" for organ, (width, slices) in seen.items()})
    return seen


same, other = structure_set("same.dcm", (1, 2)), structure_set("other.dcm", (2, 1))
if same != {"liver": (60, 2), "spleen": (20, 1)} or other != {"liver": (20, 1), "spleen": (60, 2)}:
    sys.exit("The behavior has changed: the organs are others.")
PY
