#!/usr/bin/env bash
# DicomRTTool draws all contours beyond the image into its first or last slice, where an even number is nothing.
#
# Versions: DicomRTTool 6.2.0, pydicom 3.0.2, SimpleITK 2.5.7, scikit-image 0.26.0, NumPy 2.4.6.
# Behavior: a contour belongs to the slice that is next to it, however far away. What lies beyond the image is in the
#     outermost slice, together with that slice's own contour, and an even number of contours over each other counts as
#     a hole. It happens where the structures were drawn on more slices than the series at hand has.
# Expected: the part inside of the image.
# Seen: 10 slices. An organ from 3 slices below the image to slice 5 is missing in slice 0; an organ that lies 1 to 3
#     slices below the image is in slice 0; from slice 5 to 3 slices above the image it is missing in slice 9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 \
    simpleitk==2.5.7 pydicom==3.0.2 dicomrttool==6.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import shutil
import sys
from importlib.metadata import version

import numpy as np
from DicomRTTool.ReaderWriter import DicomReaderWriter
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

print({name: version(name) for name in ("DicomRTTool", "pydicom", "simpleitk", "scikit-image", "numpy")})
SLICES, SPACING, PIXELS = 10, 3, 64
CASES = {"inside": range(1, 6), "from below": range(-3, 6), "below": range(-3, 0), "to above": range(5, 13)}
study, series, frame = generate_uid(), generate_uid(), generate_uid()


def header(sop_class: str, modality: str, series_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, sop_class
    meta.MediaStorageSOPInstanceUID = generate_uid()
    data = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = sop_class, meta.MediaStorageSOPInstanceUID, modality
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series_uid, frame
    data.PatientID, data.PatientName, data.StudyDate, data.StudyTime, data.StudyID = "1", "A", "20200101", "000000", "1"
    return data


os.makedirs("ct")
instances = []
for index in range(SLICES):
    ct = header(CTImageStorage, "CT", series)
    ct.InstanceNumber, ct.ImagePositionPatient = index + 1, [0, 0, SPACING * index]
    ct.ImageOrientationPatient, ct.PixelSpacing, ct.SliceThickness = [1, 0, 0, 0, 1, 0], [1, 1], SPACING
    ct.Rows, ct.Columns, ct.SamplesPerPixel, ct.PhotometricInterpretation = PIXELS, PIXELS, 1, "MONOCHROME2"
    ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 16, 15, 1
    ct.PixelData = np.zeros((PIXELS, PIXELS), np.int16).tobytes()
    ct.save_as(f"ct/{index}.dcm", enforce_file_format=True)
    instances.append(ct.SOPInstanceUID)
seen = {}
for name, places in CASES.items():
    structures = header(RTStructureSetStorage, "RTSTRUCT", generate_uid())
    roi, contours = Dataset(), Dataset()
    roi.ROINumber, roi.ReferencedFrameOfReferenceUID, roi.ROIName = 1, frame, "organ"
    roi.ROIGenerationAlgorithm = "MANUAL"
    contours.ReferencedROINumber, contours.ContourSequence = 1, []
    for place in places:
        contour, z = Dataset(), SPACING * place
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        contour.ContourData = [10, 10, z, 30, 10, z, 30, 30, z, 10, 30, z]
        contours.ContourSequence.append(contour)
    structures.StructureSetLabel, structures.StructureSetROISequence = "1", [roi]
    structures.ROIContourSequence = [contours]
    images, referenced_series, referenced_study, referenced_frame = [], Dataset(), Dataset(), Dataset()
    for instance in instances:
        image = Dataset()
        image.ReferencedSOPClassUID, image.ReferencedSOPInstanceUID = CTImageStorage, instance
        images.append(image)
    referenced_series.SeriesInstanceUID, referenced_series.ContourImageSequence = series, images
    referenced_study.ReferencedSOPClassUID, referenced_study.ReferencedSOPInstanceUID = CTImageStorage, study
    referenced_study.RTReferencedSeriesSequence = [referenced_series]
    referenced_frame.FrameOfReferenceUID, referenced_frame.RTReferencedStudySequence = frame, [referenced_study]
    structures.ReferencedFrameOfReferenceSequence = [referenced_frame]
    observation = Dataset()
    observation.ObservationNumber, observation.ReferencedROINumber = 1, 1
    observation.RTROIInterpretedType, observation.ROIInterpreter = "ORGAN", ""
    structures.RTROIObservationsSequence = [observation]
    shutil.copytree("ct", name)
    structures.save_as(f"{name}/structures.dcm", enforce_file_format=True)
    reader = DicomReaderWriter(Contour_Names=["organ"], verbose=False)
    reader.walk_through_folders(name)
    reader.set_index(0)
    reader.get_images_and_mask()
    seen[name] = np.flatnonzero((reader.mask > 0).any((1, 2))).tolist()
    print(f"{name}, drawn in slices {list(places)}: read in slices {seen[name]}")
expected = {"inside": [1, 2, 3, 4, 5], "from below": [1, 2, 3, 4, 5], "below": [0], "to above": [5, 6, 7, 8]}
if seen != expected:
    sys.exit("The behavior has changed: other slices are filled.")
PY
