#!/usr/bin/env bash
# dicom_mask fills the holes of an organ.
#
# Versions: dicom_mask 0.0.30, dicompyler-core 0.5.6, pydicom 2.4.4, scikit-image 0.24.0, NumPy 1.26.4.
# Behavior: in RTSTRUCT a hole is a contour inside another one. The areas of all contours of a slice are added up, and
#     whatever is above 1 becomes 1, so that a hole is part of the organ.
# Expected: the hole left out, as treatment planning systems, 3D Slicer and most other readers do.
# Seen: an organ of 20 x 20 mm: 441 pixels in a slice; with a hole of 8 x 8 mm in it 441, too; the hole alone 81.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 pydicom==2.4.4 scikit-image==0.24.0 matplotlib==3.11.2 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps dicompyler-core==0.5.6 dicom_mask==0.0.30
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from dicom_mask.convert import struct_to_mask
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("dicom_mask", "dicompyler-core", "pydicom", "scikit-image", "numpy")})


def save(dataset: Dataset, sop_class: str, path: Path) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    written = FileDataset("", dataset, file_meta=meta, preamble=b"\0" * 128)
    written.is_little_endian, written.is_implicit_VR = True, False
    written.SOPClassUID, written.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    written.PatientName = written.PatientID = written.PatientBirthDate = written.PatientSex = ""
    written.StudyDate = written.StudyTime = written.StudyDescription = written.SeriesDescription = ""
    written.save_as(path)


def write_series(folder: Path, position: str, orientation: list[int], halves: list[int]) -> None:
    """Six images of 64 x 64 pixels; four contours around (5, -3) mm for each half of a side."""
    folder.mkdir()
    for index in range(6):
        image = Dataset()
        image.Modality, image.PatientPosition, image.InstanceNumber = "CT", position, index + 1
        image.ImageOrientationPatient = orientation
        first = [-32 if orientation[0] > 0 else 31, -32 if orientation[4] > 0 else 31]
        image.ImagePositionPatient, image.PixelSpacing, image.SliceThickness = [*first, 3.0 * index], [1, 1], 3
        image.Rows, image.Columns, image.SamplesPerPixel = 64, 64, 1
        image.PhotometricInterpretation, image.PixelRepresentation = "MONOCHROME2", 1
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.RescaleSlope, image.RescaleIntercept, image.WindowWidth, image.WindowCenter = 1, 0, 400, 40
        image.PixelData = np.zeros((64, 64), np.int16).tobytes()
        save(image, CTImageStorage, folder / f"image_{index}.dcm")
    contours = []
    for index in range(1, 5):
        for half in halves:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
            corners = [(5 - half, -3 - half), (5 + half, -3 - half), (5 + half, -3 + half), (5 - half, -3 + half)]
            contour.ContourData = [float(value) for corner in corners for value in (*corner, 3.0 * index)]
            contours.append(contour)
    roi, drawn, structures = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = 1, "organ"
    drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = 1, [255, 0, 0], contours
    structures.Modality, structures.StructureSetROISequence, structures.ROIContourSequence = "RTSTRUCT", [roi], [drawn]
    save(structures, "1.2.840.10008.5.1.4.1.1.481.3", folder / "structures.dcm")


seen = {}
for name, halves in (("organ", [10]), ("organ with a hole", [10, 4]), ("hole alone", [4])):
    folder = Path(name.replace(" ", "_"))
    write_series(folder, "HFS", [1, 0, 0, 0, 1, 0], halves)
    mask = struct_to_mask(str(folder), sorted(path.name for path in folder.iterdir()), "organ")
    seen[name] = int(mask[2].sum())
    print(f"{name}: {seen[name]} pixels in a slice")
if seen != {"organ": 441, "organ with a hole": 441, "hole alone": 81}:
    sys.exit("The behavior has changed: the masks are others.")
PY
