"""A small DICOM series made with pydicom: oblique, pixels that are not square, file names that run backwards.

Also the same as one enhanced file, by highdicom.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

COLUMNS, ROWS, SLICES = 7, 6, 5
SPACING = (1.5, 0.75, 2.5)  # of columns (X), rows (Y) and slices (Z)
ORIGIN = (-10.0, 20.0, 30.5)
ANGLE = 0.3
ALONG = (np.cos(ANGLE), np.sin(ANGLE), 0.0)
DOWN = (-np.sin(ANGLE), np.cos(ANGLE), 0.0)


def position(index: float, shift: tuple[float, float] = (0, 0)) -> list[float]:
    """In LPS, of the first pixel of a slice, or of the one that lies ``shift`` columns and rows from it."""
    return [
        float(ORIGIN[axis] + shift[0] * SPACING[0] * ALONG[axis] + shift[1] * SPACING[1] * DOWN[axis])
        + (axis == 2) * index * SPACING[2]
        for axis in range(3)
    ]


def affine() -> np.ndarray:
    """Of the series, in RAS, in closed form."""
    made = np.eye(4)
    made[:3, 0], made[:3, 1] = np.multiply(ALONG, SPACING[0]), np.multiply(DOWN, SPACING[1])
    made[:3, 2], made[:3, 3] = (0, 0, SPACING[2]), ORIGIN
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ made


def stored() -> np.ndarray:
    """(X, Y, Z), every voxel another value."""
    return np.arange(COLUMNS * ROWS * SLICES, dtype=np.int16).reshape(COLUMNS, ROWS, SLICES)


def slices(**elements: Any) -> list[Dataset]:
    """The data sets of a series in the order of their positions."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    made = []
    for index in range(SLICES):
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = CTImageStorage
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = generate_uid()
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.FrameOfReferenceUID = study, series, frame
        dataset.PatientID, dataset.PatientName, dataset.Modality = "P1", "Nobody^", "CT"
        dataset.PatientBirthDate = dataset.PatientSex = dataset.AccessionNumber = dataset.StudyID = ""
        dataset.StudyDate, dataset.StudyTime, dataset.ReferringPhysicianName = "20260101", "120000", ""
        dataset.PositionReferenceIndicator = ""
        dataset.SeriesNumber, dataset.InstanceNumber = 1, SLICES - index  # which says nothing of the place
        dataset.Rows, dataset.Columns = ROWS, COLUMNS
        dataset.PixelSpacing = [SPACING[1], SPACING[0]]  # of rows first
        dataset.SliceThickness = SPACING[2]
        dataset.ImageOrientationPatient = [f"{value:.12f}" for value in (*ALONG, *DOWN)]
        dataset.ImagePositionPatient = [f"{value:.9f}" for value in position(index)]
        dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation = 15, 1
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        dataset.PixelData = np.ascontiguousarray(stored()[:, :, index].T).tobytes()
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)
        made.append(dataset)
    return made


def write_slices(folder: Path, datasets: list[Dataset]) -> Path:
    """The folder; names of files run against positions."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, dataset in enumerate(datasets):
        dataset.save_as(folder / f"{len(datasets) - index:02d}.dcm", enforce_file_format=True)
    return folder


FRAME_ORDER = (3, 0, 4, 1, 2)  # slice of each frame


def enhanced(datasets: list[Dataset]) -> Dataset:
    """One enhanced CT of all slices, whose frames are in an order that says nothing of their places."""
    import highdicom

    for dataset in datasets:
        dataset.ImageType, dataset.PatientPosition = ["ORIGINAL", "PRIMARY", "AXIAL"], "HFS"
        dataset.ContentDate, dataset.ContentTime, dataset.Manufacturer = "20260101", "120000", "Maker"
        dataset.AcquisitionNumber = 1
    made = highdicom.legacy.LegacyConvertedEnhancedCTImage(datasets, generate_uid(), 2, generate_uid(), 1)
    found = [str(group.ConversionSourceAttributesSequence[0].ReferencedSOPInstanceUID) for group in groups(made)]
    order = [found.index(datasets[index].SOPInstanceUID) for index in FRAME_ORDER if index < len(found)]
    pixels = made.pixel_array.reshape(len(found), -1)
    made.PixelData = pixels[order].tobytes()
    made.PerFrameFunctionalGroupsSequence = [groups(made)[index] for index in order]
    return made


def groups(dataset: Dataset) -> list[Dataset]:
    """The functional groups of each frame."""
    return list(dataset.PerFrameFunctionalGroupsSequence)


def write_enhanced(path: Path, datasets: list[Dataset]) -> Path:
    """The path of `enhanced`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    enhanced(datasets).save_as(path, enforce_file_format=True)
    return path
