#!/usr/bin/env bash
# pydicom-seg reads a mask of overlapping CT slices with every other slice overwritten and the wrong spacing.
#
# Versions: highdicom 0.22.0, pydicom-seg 0.4.1, pydicom 2.4.4, SimpleITK 2.5.7, NumPy 1.26.4.
# Behavior: highdicom writes SpacingBetweenSlices only if the images have it, as many CT images do not. Without it
#     pydicom-seg takes the thickness for the spacing. Of slices of 5 mm every 2.5 mm, a common reconstruction, two
#     frames fall onto one slice, of which the later one stays; of slices of 2.5 mm every 5 mm there is an empty one
#     between two. The positions of the frames are in the file and are used to place them.
# Expected: the spacing of the positions, and every frame in a slice of its own.
# Seen: eight frames, 0.88 cm³. Overlapping: five slices of 5 mm, 1.16 cm³. With gaps: fifteen slices of 2.5 mm, seven
#     of them empty, 0.88 of 1.76 cm³. If thickness and spacing are equal, all is right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 pydicom==2.4.4 simpleitk==2.5.7 highdicom==0.22.0 pydicom-seg==0.4.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import highdicom as hd
import numpy as np
import pydicom
import pydicom_seg
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("highdicom", "pydicom-seg", "pydicom", "SimpleITK", "numpy")})


def ct_series(count: int, spacing: float, thickness: float) -> list[FileDataset]:
    study, series, frame = (generate_uid() for _ in range(3))
    images = []
    for index in range(count):
        meta = FileMetaDataset()
        meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, CTImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid()
        image = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
        image.is_little_endian, image.is_implicit_VR = True, False
        image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
        image.Modality, image.SeriesNumber, image.InstanceNumber = "CT", 1, index + 1
        for empty in (
            "PatientID",
            "PatientName",
            "PatientBirthDate",
            "PatientSex",
            "StudyDate",
            "StudyTime",
            "StudyID",
            "AccessionNumber",
            "ReferringPhysicianName",
            "Manufacturer",
            "PositionReferenceIndicator",
        ):
            setattr(image, empty, "")
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, index * spacing]
        image.PixelSpacing, image.SliceThickness, image.Rows, image.Columns = [1, 1], thickness, 16, 16
        image.SamplesPerPixel, image.PhotometricInterpretation, image.PixelRepresentation = 1, "MONOCHROME2", 1
        image.BitsAllocated, image.BitsStored, image.HighBit = 16, 16, 15
        image.PixelData = np.zeros((16, 16), np.int16).tobytes()
        images.append(image)
    return images


mask = np.zeros((12, 16, 16), np.uint8)
for index in range(2, 10):
    mask[index, 4 : 4 + index, 4:12] = 1
seen = {}
for spacing, thickness in ((5.0, 5.0), (2.5, 5.0), (5.0, 2.5)):
    organ = hd.seg.SegmentDescription(
        1, "liver", codes.SCT.Organ, codes.SCT.Liver, hd.seg.SegmentAlgorithmTypeValues.MANUAL
    )
    binary, device = hd.seg.SegmentationTypeValues.BINARY, ("maker", "model", "1", "1")
    images = ct_series(12, spacing, thickness)
    written = hd.seg.Segmentation(images, mask, binary, [organ], generate_uid(), 2, generate_uid(), 1, *device)
    written.save_as("segmentation.dcm")
    read = pydicom_seg.SegmentReader().read(pydicom.dcmread("segmentation.dcm"))
    slices = read.segment_data(1).sum(axis=(1, 2))
    own = mask.sum() * spacing / 1000
    seen[spacing, thickness] = slices.tolist(), round(float(slices.sum() * np.prod(read.spacing)) / 1000, 2)
    print(f"slices of {thickness} mm every {spacing} mm, {own:.2f} cm³: spacing {read.spacing[2]},")
    print(f"    pixels by slice {seen[spacing, thickness][0]}, {seen[spacing, thickness][1]} cm³")
expected = {
    (5.0, 5.0): ([16, 24, 32, 40, 48, 56, 64, 72], 1.76),
    (2.5, 5.0): ([16, 32, 48, 64, 72], 1.16),
    (5.0, 2.5): ([16, 0, 24, 0, 32, 0, 40, 0, 48, 0, 56, 0, 64, 0, 72], 0.88),
}
if seen != expected:
    sys.exit("The behavior has changed: the mask is read otherwise.")
PY
