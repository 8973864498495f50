#!/usr/bin/env bash
# dicom_mask reads the organs of patients who lie feet first and supine, or head first and prone, as a pixel or two.
#
# Versions: dicom_mask 0.0.30, dicompyler-core 0.5.6, pydicom 2.4.4, scikit-image 0.24.0, NumPy 1.26.4.
# Behavior: where PatientPosition is FFS or HFP, the columns of an image are searched as if they ran the other way,
#     without a look at ImageOrientationPatient. In axial images of the usual orientation, 1, 0, 0, 0, 1, 0, which are
#     written for any position, the search ends at once: all points of a contour are in the first column, and in the
#     first row as well if the patient is prone. Nothing is said.
# Expected: the mask that the same contours have in the same images of a patient who lies head first.
# Seen: an organ of 21 x 21 pixels in columns 28 ... 48. Head first supine: 441 pixels in a slice. Feet first supine: 2,
#     in column 0. Head first prone: 1, the first pixel of the image. With the orientation reversed: 441.
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


usual, reversed_columns, reversed_both = [1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, 1, 0], [-1, 0, 0, 0, -1, 0]
seen = {}
for number, (position, orientation) in enumerate(
    (("HFS", usual), ("FFS", usual), ("HFP", usual), ("FFS", reversed_columns), ("HFP", reversed_both))
):
    folder = Path(f"series_{number}")
    write_series(folder, position, orientation, [10])
    mask = struct_to_mask(str(folder), sorted(path.name for path in folder.iterdir()), "organ")
    columns = np.argwhere(mask)[:, 2]
    seen[position, tuple(orientation)] = int(mask[2].sum()), int(columns.min()), int(columns.max())
    print(f"{position}, orientation {orientation}: {int(mask[2].sum())} pixels in a slice,", end=" ")
    print(f"columns {columns.min()} ... {columns.max()}")
if list(seen.values()) != [(441, 28, 48), (2, 0, 0), (1, 0, 0), (441, 17, 37), (441, 17, 37)]:
    sys.exit("The behavior has changed: the masks are others.")
PY
