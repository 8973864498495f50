#!/usr/bin/env bash
# dcm2niix converts a DICOM SEG to NIfTI as if its frames were a series without gaps: organs lie in other slices.
#
# Versions: dcm2niix 1.0.20260724, highdicom 0.28.2, pydicom 3.0.2, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: of a binary SEG of two segments with three slices each the frames become two volumes of three slices on one
#     grid, so both organs are in the same slices. Of a label map (the SOP class of 2024) of which slice 4 is empty, and
#     was left out by the writer, the six frames become six neighboring slices. The only warnings are of a missing
#     patient position and of images of one bit.
# Expected: a refusal, or each frame at its own position, which it has in the file; for a series of images with a gap
#     dcm2niix writes a second file with the missing slice filled in.
# Seen: liver drawn at z = 2, 4, 6 mm, kidney at 10, 12, 14 mm. In the NIfTI of the binary SEG both at 2, 4, 6 mm; in
#     that of the label map the kidney at 8, 10, 12 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 highdicom==0.28.2 pydicom==3.0.2 nibabel==5.4.2 dcm2niix==1.0.20260724
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import os
import subprocess
import sys
from importlib.metadata import version

import dcm2niix
import nibabel
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

print({name: version(name) for name in ("dcm2niix", "highdicom", "pydicom", "nibabel", "numpy")})


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


def heights(voxels, affine):
    return [float(affine[2, 2] * index + affine[2, 3]) for index in np.flatnonzero(voxels.any((0, 1)))]


print("drawn: liver at z = 2, 4, 6 mm, kidney at 10, 12, 14 mm")
seen = {}
for kind in ("BINARY", "LABELMAP"):
    os.makedirs(f"{kind}/in")
    segmentation(label, kind).save_as(f"{kind}/in/seg.dcm")
    command = [dcm2niix.bin, "-z", "n", "-f", "seg", "-o", kind, f"{kind}/in"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    print("\n".join(line for line in done.stdout.splitlines() if line.startswith(("Warning", "Convert "))))
    (file,) = (name for name in os.listdir(kind) if name.endswith(".nii"))
    image = nibabel.load(f"{kind}/{file}")
    voxels = np.asarray(image.dataobj)
    organs = (voxels[..., 0] > 0, voxels[..., 1] > 0) if voxels.ndim == 4 else (voxels == 1, voxels == 2)
    seen[kind] = [heights(organ, image.affine) for organ in organs]
    print(f"{kind}: shape {voxels.shape}, liver at z = {seen[kind][0]}, kidney at {seen[kind][1]}")
if seen != {"BINARY": [[2, 4, 6], [2, 4, 6]], "LABELMAP": [[2, 4, 6], [8, 10, 12]]}:
    sys.exit("The behavior has changed: the organs are at other heights.")
PY
