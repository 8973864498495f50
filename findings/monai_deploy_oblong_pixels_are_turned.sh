#!/usr/bin/env bash
# MONAI Deploy's volume of a DICOM series has the voxel sizes along x and y exchanged.
#
# Versions: monai-deploy-app-sdk 4.0.0, holoscan-cu13 4.6.0, pydicom 3.0.2, NumPy 2.4.6.
# Behavior: DICOMSeriesToVolumeOperator writes the first number of PixelSpacing, which is between rows, into the column
#     of the affine for x, and the second, between columns, into that for y. Where pixels are not square, as in many
#     sagittal and coronal reformats, a network that resamples sees a squeezed patient, and volumes lie elsewhere. The
#     same holds of `spacing`, which the operator for bundles hands to their transforms. No warning.
# Expected: a step of 1.5 mm from column to column and of 0.5 mm from row to row, as in the header.
# Seen: 0.5 mm along x and 1.5 mm along y; the last pixel of a row of 60 columns is at x = 29.5 instead of 88.5 mm.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile monai-deploy-app-sdk==4.0.0 holoscan-cu13==4.6.0 \
  monai==1.6.1 torch==2.13.0 highdicom==0.28.2 pydicom==3.0.2 numpy==2.4.6 setuptools==80.9.0
cd "$work"
ulimit -s 32768 || true
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from monai.deploy.core import Fragment
from monai.deploy.core.domain.dicom_series_selection import SelectedSeries, StudySelectedSeries
from monai.deploy.operators.dicom_data_loader_operator import DICOMDataLoaderOperator
from monai.deploy.operators.dicom_series_to_volume_operator import DICOMSeriesToVolumeOperator
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

print({name: version(name) for name in ("monai-deploy-app-sdk", "holoscan-cu13", "pydicom", "numpy")})

ROWS, COLUMNS = 20, 60
Path("series").mkdir()
for number in range(3):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, f"1.2.3.4.{number + 1}"
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image = FileDataset(f"{number}.dcm", {}, file_meta=meta, preamble=bytes(128))
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
    image.Modality, image.PatientID, image.InstanceNumber = "CT", "1", number + 1
    image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = ROWS, COLUMNS, [0.5, 1.5], 3
    image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 3 * number]
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, 1
    image.RescaleIntercept, image.RescaleSlope = 0, 1
    image.PixelData = np.ones((ROWS, COLUMNS), np.int16).tobytes()
    image.save_as(f"series/{number}.dcm", enforce_file_format=True)

fragment = Fragment()
load = DICOMDataLoaderOperator(fragment, input_folder=Path("series"), name="load")
volume = DICOMSeriesToVolumeOperator(fragment, name="volume")
(study,) = load.load_data_to_studies(Path("series"))
selected = StudySelectedSeries(study)
for series in study.get_all_series():
    selected.add_selected_series(SelectedSeries(None, series, ""))
affine = np.asarray(volume.convert_to_image([selected]).metadata()["dicom_affine_transform"], float)
last = (affine @ [COLUMNS - 1, 0, 0, 1])[:3]
print("steps along x and y:", affine[0, 0], affine[1, 1], "mm; the last column lies at", last.round(3).tolist())
if not np.allclose([affine[0, 0], affine[1, 1], last[0]], [0.5, 1.5, 29.5]):
    sys.exit("The behavior has changed: the steps are others.")
PY
