#!/usr/bin/env bash
# pydicom-tools' volume of a structure depends on the direction in which its contours were drawn.
#
# Versions: pydicom-tools 0.0.10, pydicom 3.0.2, matplotlib 3.10.7, NumPy 2.2.6.
# Behavior: RTSS.calc_volume adds areas with their signs. DICOM does not prescribe a direction for contours, so a
#     structure that was drawn clockwise has a negative volume, and of two parts that were drawn in opposite directions
#     one is taken away from the other.
# Expected: two squares of 20 x 20 mm in three slices of 3 mm have 7.2 mL.
# Seen: 7.2 mL if both are drawn counterclockwise, -7.2 mL clockwise, 0.0 mL if one is drawn each way.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pydicom==3.0.2 matplotlib==3.10.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pydicom-tools==0.0.10
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

place = Path(importlib.util.find_spec("pydicom_tools").origin).with_name("structure.py")
spec = importlib.util.spec_from_file_location("structure", place)
structure = importlib.util.module_from_spec(spec)  # the package itself imports what this module does not need
spec.loader.exec_module(structure)

print({name: version(name) for name in ("pydicom-tools", "pydicom", "matplotlib", "numpy")})


def write(directions):
    """Two squares beside one another in three slices, each drawn in its direction."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, "1.2.3"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset("a.dcm", {}, file_meta=meta, preamble=bytes(128))
    file.SOPClassUID, file.SOPInstanceUID, file.Modality = RTStructureSetStorage, "1.2.3", "RTSTRUCT"
    roi, drawn = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, drawn.ReferencedROINumber = 1, "kidneys", 1
    drawn.ContourSequence = []
    for z in (0, 3, 6):
        for left, direction in zip((0, 50), directions):
            corners = [(left, 0), (left + 20, 0), (left + 20, 20), (left, 20)][::direction]
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            contour.ContourData = [value for x, y in corners for value in (x, y, z)]
            drawn.ContourSequence.append(contour)
    file.StructureSetROISequence, file.ROIContourSequence = [roi], [drawn]
    file.save_as("a.dcm", enforce_file_format=True)


seen = []
for directions in ((1, 1), (-1, -1), (1, -1)):
    write(directions)
    seen.append(round(float(structure.RTSS("a.dcm").calc_volume("kidneys")), 3))
    print("directions", directions, "volume", seen[-1], "mL")
if seen != [7.2, -7.2, 0.0]:
    sys.exit("The behavior has changed: the volumes are others.")
PY
