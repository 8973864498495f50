#!/usr/bin/env bash
# Of a DICOM SEG MONAI lays every segment into the same slices, wherever it was drawn.
#
# Versions: MONAI 1.6.1, highdicom 0.28.2, pydicom 3.0.2, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: PydicomReader stacks the frames of each segment and gives each the same slices, counted from the position of
#     the file's first frame. Writers leave empty frames out (highdicom by default), so a segment begins where its own
#     first frame is: an organ 8 mm further up is put beside the first one. With another number of frames in each
#     segment there is an exception about shapes instead. Where a frame lies is in the file (PlanePositionSequence), but
#     only the positions of the first and the last frame are read: the spacing is their distance divided by the slices
#     of one segment.
# Expected: each segment in its own slices, or an error.
# Seen: liver in slices 1 to 3, kidney in slices 5 to 7 of ten (positions 2 to 6 and 10 to 14 mm): a volume of three
#     slices with both in all of them, by its affine at 6, 8 and 10 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 monai==1.6.1 highdicom==0.28.2 pydicom==3.0.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from monai.transforms import LoadImage
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("monai", "highdicom", "pydicom", "torch", "numpy")})


def source(count):
    """CT slices of 2 mm."""
    study, series, frame = generate_uid(), generate_uid(), generate_uid()
    for index in range(count):
        ct = Dataset()
        ct.file_meta = FileMetaDataset()
        ct.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ct.SOPClassUID, ct.SOPInstanceUID = CTImageStorage, generate_uid()
        ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.FrameOfReferenceUID = study, series, frame
        ct.PatientID, ct.PatientName, ct.PatientBirthDate, ct.PatientSex = "1", "A", "", ""
        ct.StudyDate, ct.StudyTime, ct.StudyID, ct.AccessionNumber = "20200101", "000000", "1", ""
        ct.ReferringPhysicianName, ct.PositionReferenceIndicator, ct.Manufacturer = "", "", "A"
        ct.Modality, ct.SeriesNumber, ct.InstanceNumber = "CT", 1, index + 1
        ct.ImagePositionPatient, ct.ImageOrientationPatient = [0, 0, 2 * index], [1, 0, 0, 0, 1, 0]
        ct.PixelSpacing, ct.SliceThickness = [1, 1], 2
        ct.Rows, ct.Columns, ct.SamplesPerPixel, ct.PhotometricInterpretation = 16, 16, 1, "MONOCHROME2"
        ct.BitsAllocated, ct.BitsStored, ct.HighBit, ct.PixelRepresentation = 16, 16, 15, 1
        ct.PixelData = np.zeros((16, 16), np.int16).tobytes()
        yield ct


def segmentation(label, kind):
    """A DICOM SEG of the classes liver and kidney, as highdicom writes it: without empty frames."""
    segments = [
        SegmentDescription(
            segment_number=number,
            segment_label=name,
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver if name == "liver" else codes.SCT.Kidney,
            algorithm_type="MANUAL",
        )
        for number, name in enumerate(("liver", "kidney"), 1)
    ]
    return Segmentation(
        source_images=list(source(len(label))),
        pixel_array=label,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="A",
        manufacturer_model_name="A",
        software_versions="1",
        device_serial_number="1",
    )


label = np.zeros((10, 16, 16), np.uint8)
label[1:4, 2:6, 3:8] = 1
label[5:8, 8:12, 9:14] = 2
segmentation(label, "BINARY").save_as("seg.dcm")
loaded = LoadImage("PydicomReader", image_only=True)("seg.dcm")
print("read:", tuple(loaded.shape), "affine", loaded.affine.numpy().tolist())
first, step = float(loaded.affine[2, 3]), float(loaded.affine[2, 2])
seen = {}
for channel, name in enumerate(("liver", "kidney")):
    drawn = [2 * int(index) for index in np.flatnonzero((label == channel + 1).any((1, 2)))]
    slices = np.flatnonzero(loaded.numpy()[..., channel].any((0, 1)))
    seen[name] = [first + step * int(index) for index in slices]
    print(f"{name}: drawn at z = {drawn} mm, read in slices {slices.tolist()} at {seen[name]} mm")
if loaded.shape != (16, 16, 3, 2) or not seen["liver"] == seen["kidney"] == [6.0, 8.0, 10.0]:
    sys.exit("The behavior has changed: the segments are no longer laid into the same slices.")
PY
