#!/usr/bin/env bash
# Of contours drawn on sagittal slices plastimatch reads half of the organ.
#
# Versions: plastimatch 1.10.0, pydicom 3.0.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: an RTSTRUCT may have its contours in any plane, and those of a sagittal or coronal series lie in its slices.
#     plastimatch convert, which reads the series along with them, fills axial slices of its own and returns something
#     else on the grid of the series, without a word. Axial series, turned in their plane as well, come out right.
# Expected: the organ as it was drawn, or an error.
# Seen: a rectangle of 20 x 10 pixels in three slices. From an axial series: 600 voxels, all where they were drawn. From
#     a sagittal series with the same pixels: 300 voxels, their middle 3.3 mm away.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pydicom==3.0.2 simpleitk==2.5.7 plastimatch==1.10.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

print({name: version(name) for name in ("plastimatch", "pydicom", "SimpleITK", "numpy")})
ROWS, COLUMNS, SLICES, SPACING, THICKNESS = 48, 64, 12, (1.2, 0.8), 3.0
FIRST = np.array([-20.0, -30, 100])


def dataset(kind: str, modality: str, study: str, series: str, frame: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    new = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    new.SOPClassUID, new.SOPInstanceUID, new.Modality = kind, meta.MediaStorageSOPInstanceUID, modality
    new.StudyInstanceUID, new.SeriesInstanceUID, new.FrameOfReferenceUID = study, series, frame
    new.PatientID, new.PatientName, new.StudyID, new.StudyDate, new.StudyTime = "1", "A", "1", "20260101", "120000"
    return new


def write(folder: str, x: np.ndarray, y: np.ndarray) -> None:
    """A series whose rows and columns run along x and y, with a rectangle in the slices 3, 4 and 5."""
    Path(folder).mkdir()
    study, series, frame = (generate_uid() for _ in range(3))
    images = []
    for index in range(SLICES):
        image = dataset(CTImageStorage, "CT", study, series, frame)
        image.InstanceNumber, image.ImageOrientationPatient = index + 1, [*x.tolist(), *y.tolist()]
        image.ImagePositionPatient = (FIRST + np.cross(x, y) * THICKNESS * index).tolist()
        image.PixelSpacing, image.SliceThickness, image.Rows, image.Columns = list(SPACING), THICKNESS, ROWS, COLUMNS
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 1
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.RescaleIntercept, image.RescaleSlope = 0, 1
        image.PixelData = np.zeros((ROWS, COLUMNS), np.int16).tobytes()
        image.save_as(f"{folder}/{index:02d}.dcm", enforce_file_format=True)
        images.append(image)
    plan = dataset(RTStructureSetStorage, "RTSTRUCT", study, generate_uid(), frame)
    plan.StructureSetLabel, roi, contours, reference, referenced = "organs", Dataset(), Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "organ", frame
    roi.ROIGenerationAlgorithm, contours.ReferencedROINumber, contours.ContourSequence = "MANUAL", 1, []
    in_study = Dataset()
    in_study.ReferencedSOPClassUID, in_study.ReferencedSOPInstanceUID = "1.2.840.10008.3.1.2.3.1", study
    referenced.SeriesInstanceUID, referenced.ContourImageSequence = series, []
    in_study.RTReferencedSeriesSequence = [referenced]
    reference.FrameOfReferenceUID, reference.RTReferencedStudySequence = frame, [in_study]
    for index, image in enumerate(images):
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
        referenced.ContourImageSequence.append(item)
        if index in (3, 4, 5):
            contour, position = Dataset(), np.array(image.ImagePositionPatient, float)
            points = [position + x * column * SPACING[1] + y * row * SPACING[0]
                      for column, row in ((9.5, 9.5), (29.5, 9.5), (29.5, 19.5), (9.5, 19.5))]
            contour.ContourImageSequence, contour.ContourGeometricType = [item], "CLOSED_PLANAR"
            contour.NumberOfContourPoints, contour.ContourData = 4, [f"{value:.4f}" for value in np.ravel(points)]
            contours.ContourSequence.append(contour)
    plan.StructureSetROISequence, plan.ROIContourSequence = [roi], [contours]
    plan.ReferencedFrameOfReferenceSequence = [reference]
    plan.save_as(f"{folder}/plan.dcm", enforce_file_format=True)


seen = {}
for name, x, y in (("axial", [1, 0, 0], [0, 1, 0]), ("sagittal", [0, 1, 0], [0, 0, -1])):
    x, y = np.array(x, float), np.array(y, float)
    write(name, x, y)
    program = Path(sys.executable).with_name("plastimatch")
    command = [program, "convert", "--input", name, "--output-prefix", f"{name}_masks", "--prefix-format", "nrrd"]
    subprocess.run(command, check=True, capture_output=True)
    mask = sitk.ReadImage(f"{name}_masks/organ.nrrd")
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    middle = FIRST + np.cross(x, y) * THICKNESS * 4 + x * 19.5 * SPACING[1] + y * 14.5 * SPACING[0]
    away = float(np.linalg.norm(middle - statistics.GetCentroid(1)))
    seen[name] = statistics.GetNumberOfPixels(1), round(away, 1)
    print(f"{name}: 600 voxels drawn, {seen[name][0]} read, their middle {seen[name][1]} mm away")
if seen != {"axial": (600, 0.0), "sagittal": (300, 3.3)}:
    sys.exit("The behavior has changed: other voxels are read.")
PY
