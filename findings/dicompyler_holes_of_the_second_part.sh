#!/usr/bin/env bash
# dicompyler-core subtracts the holes of one part of a structure from its volume and adds those of the other parts.
#
# Versions: dicompyler-core 0.5.6, pydicom 2.4.4, shapely 2.1.2, NumPy 1.26.4.
# Behavior: CalculateStructureVolume compares every contour of a slice with one of them only. What lies within that one
#     is subtracted, all else is added: a hole in another part, as in the second of two lungs, counts as tissue, and an
#     island in a hole is subtracted like the hole. (The first and the last slice count half, here as well.)
# Expected: the volume between the contours, without the holes and with the islands of each part.
# Seen: two parts with a hole each: 14.4 cm³, as without holes, instead of 12.096; an island in a hole: 3.96 cm³ instead
#     of 5.256. One part with a hole is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 pydicom==2.4.4 shapely==2.1.2 matplotlib==3.10.9 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dicompyler-core==0.5.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from dicompylercore.dicomparser import DicomParser
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("dicompyler-core", "pydicom", "shapely", "numpy")})


def volume(squares):
    contours = []
    for z in range(-9, 11, 2):
        for x, half in squares:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            corners = [(x - half, -half), (x + half, -half), (x + half, half), (x - half, half)]
            contour.ContourData = [float(value) for corner in corners for value in (*corner, z)]
            contours.append(contour)
    roi, drawn, structures = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = 1, "lung"
    drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = 1, [255, 0, 0], contours
    structures.file_meta = FileMetaDataset()
    structures.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    structures.SOPClassUID, structures.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.481.3", generate_uid()
    structures.Modality, structures.StructureSetROISequence, structures.ROIContourSequence = "RTSTRUCT", [roi], [drawn]
    parser = DicomParser(structures)
    planes = parser.GetStructureCoordinates(1)
    return round(parser.CalculateStructureVolume(planes, parser.CalculatePlaneThickness(planes)), 3)


# Squares of one slice, as the place of their middle and half of their side, and the area that they enclose
cases = {
    "one part": ([(0, 10)], 400),
    "one part with a hole": ([(0, 10), (0, 4)], 400 - 64),
    "two parts": ([(-20, 10), (20, 10)], 800),
    "two parts with a hole each": ([(-20, 10), (-20, 4), (20, 10), (20, 4)], 800 - 128),
    "one part with an island in its hole": ([(0, 10), (0, 6), (0, 3)], 400 - 144 + 36),
}
seen = {}
for name, (squares, area) in cases.items():
    seen[name] = volume(squares), area * 18 / 1000
    print(f"{name}: {seen[name][0]} cm³, enclosed {seen[name][1]} cm³")
if [both[0] for both in seen.values()] != [7.2, 6.048, 14.4, 14.4, 3.96]:
    sys.exit("The behavior has changed: the volumes are others.")
PY
