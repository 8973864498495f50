#!/usr/bin/env bash
# med-imagetools hands out the mask of the next organ: asked for the liver it gives the kidney.
#
# Versions: med-imagetools 2.16.0, SimpleITK 2.5.7, pydicom 3.0.2, NumPy 2.2.6.
# Behavior: a VectorMask that was read from an RTSTRUCT numbers its organs from 1, with 0 for the background, but has no
#     channel for the background. extract_mask takes the number for that of the channel: it returns the mask of the
#     organ after the one that was asked for, and fails at the last one. iter_masks and to_label_image are right.
# Expected: the mask of the organ ("Extract a single binary mask by index or ROI key").
# Seen: liver, kidney and spleen, of 12 x 16, 6 x 8 and 4 x 4 pixels. extract_mask("liver") has the voxels of the
#     kidney, extract_mask("kidney") those of the spleen, extract_mask("spleen") raises a RuntimeError.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 simpleitk==2.5.7 pydicom==3.0.2 scikit-image==0.26.0 pandas==2.3.3 matplotlib==3.11.2
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    highdicom==0.28.2 pydantic-settings==2.16.3 structlog==25.5.0 dill==0.4.1 dpath==2.2.0 fasteners==0.19
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    click==8.5.1 joblib==1.6.0 pytz==2026.6 pyyaml==6.0.3 rich==15.0.0 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps med-imagetools==2.16.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from imgtools.coretypes.base_masks import VectorMask
from imgtools.coretypes.imagetypes.scan import read_dicom_scan
from imgtools.coretypes.masktypes.roi_matching import ROIMatcher
from imgtools.coretypes.masktypes.structureset import RTStructureSet
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, RTStructureSetStorage, generate_uid

print({name: version(name) for name in ("med-imagetools", "SimpleITK", "pydicom", "numpy")})
study, series, frame, slices = generate_uid(), generate_uid(), generate_uid(), []


def new_file(kind: str, modality: str, series_uid: str) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID, data.Modality = kind, meta.MediaStorageSOPInstanceUID, modality
    data.StudyInstanceUID, data.SeriesInstanceUID, data.FrameOfReferenceUID = study, series_uid, frame
    data.PatientID = data.PatientName = "patient"
    data.StudyDate, data.StudyTime, data.StudyID, data.SeriesNumber = "20200101", "120000", "1", 1
    return data


def item(**values) -> Dataset:
    data = Dataset()
    for name, value in values.items():
        setattr(data, name, value)
    return data


Path("ct").mkdir()
for k in range(6):
    data = new_file(CTImageStorage, "CT", series)
    data.InstanceNumber, data.ImagePositionPatient, data.SliceThickness = k + 1, [0.0, 0.0, 3.0 * k], 3.0
    data.ImageOrientationPatient, data.PixelSpacing, data.PatientPosition = [1, 0, 0, 0, 1, 0], [1.0, 1.0], "HFS"
    data.Rows = data.Columns = 40
    data.SamplesPerPixel, data.PhotometricInterpretation, data.PixelRepresentation = 1, "MONOCHROME2", 0
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 16, 15
    data.RescaleSlope, data.RescaleIntercept = 1, -1024
    data.PixelData = np.zeros((40, 40), np.uint16).tobytes()
    data.save_as(f"ct/{k}.dcm", enforce_file_format=True)
    slices.append(item(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=data.SOPInstanceUID))

organs = {"liver": (2, 12, 2, 16), "kidney": (20, 6, 4, 8), "spleen": (30, 4, 30, 4)}
structures = new_file(RTStructureSetStorage, "RTSTRUCT", generate_uid())
structures.StructureSetLabel = "organs"
in_series = item(SeriesInstanceUID=series, ContourImageSequence=slices)
in_study = item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID=study)
in_study.RTReferencedSeriesSequence = [in_series]
in_frame = item(FrameOfReferenceUID=frame, RTReferencedStudySequence=[in_study])
structures.ReferencedFrameOfReferenceSequence = [in_frame]
names, contours = [], []
for number, (name, (top, height, left, width)) in enumerate(organs.items(), 1):
    names.append(item(ROINumber=number, ReferencedFrameOfReferenceUID=frame, ROIName=name))
    right, bottom = left + width - 1, top + height - 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    contour = item(ContourGeometricType="CLOSED_PLANAR", NumberOfContourPoints=4, ContourImageSequence=[slices[2]])
    contour.ContourData = [float(value) for x, y in corners for value in (x, y, 6.0)]
    contours.append(item(ReferencedROINumber=number, ContourSequence=[contour]))
structures.StructureSetROISequence, structures.ROIContourSequence = names, contours
structures.save_as("structures.dcm", enforce_file_format=True)

mask = VectorMask.from_rtstruct(
    read_dicom_scan("ct"), RTStructureSet.from_dicom("structures.dcm"), ROIMatcher(match_map={o: [o] for o in organs})
)


def at(image: sitk.Image) -> str:
    """The organ that has the middle of the object in the image."""
    row, column = np.argwhere(sitk.GetArrayFromImage(image).any(axis=0)).mean(axis=0)
    return next(n for n, (top, h, left, w) in organs.items() if top <= row < top + h and left <= column < left + w)


iterated = {key: at(one) for _, key, _, _, one in mask.iter_masks()}
extracted = {}
for name in organs:
    try:
        extracted[name] = at(mask.extract_mask(name))
    except RuntimeError:
        extracted[name] = "RuntimeError"
print(f"iter_masks: {iterated}")
print(f"extract_mask: {extracted}")
if iterated != {o: o for o in organs} or list(extracted.values()) != ["kidney", "spleen", "RuntimeError"]:
    sys.exit("The behavior has changed: the masks are those of other organs.")
PY
