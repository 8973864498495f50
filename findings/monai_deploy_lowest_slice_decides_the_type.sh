#!/usr/bin/env bash
# MONAI Deploy's volume of a DICOM series has the type that its lowest slice needs.
#
# Versions: monai-deploy-app-sdk 4.0.0, holoscan-cu13 4.6.0, pydicom 3.0.2, NumPy 2.4.6.
# Behavior: DICOMSeriesToVolumeOperator rescales each slice and chooses the smallest type that holds its values; the
#     volume takes the type of the first slice, and the others are put into it. If there every value is above 0, the
#     type is uint16 and values below 0 in other slices wrap; if all are whole numbers, as where nothing lies in the
#     field of view, the fractions of PET are cut off. No warning.
# Expected: slope times stored value plus intercept in every slice.
# Seen: Hounsfield units of 50 in the lowest slice and -100 above it: -100 is 65436. PET with nothing in the lowest slice
#     and 3 times a slope of 0.25 above it: 0.75 is 0.
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
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, PositronEmissionTomographyImageStorage

print({name: version(name) for name in ("monai-deploy-app-sdk", "holoscan-cu13", "pydicom", "numpy")})


def series(name, modality, slices, slope):
    """A series in a folder of its name, a stored value for each slice."""
    Path(name).mkdir()
    for number, value in enumerate(slices):
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CLASSES[modality], ExplicitVRLittleEndian
        meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{number + 1}"
        image = FileDataset(f"{number}.dcm", {}, file_meta=meta, preamble=bytes(128))
        image.SOPClassUID, image.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "1.2.3", "1.2.3.4", "1.2.3.5"
        image.Modality, image.PatientID, image.InstanceNumber = modality, "1", number + 1
        image.Rows, image.Columns, image.PixelSpacing, image.SliceThickness = 4, 4, [2, 2], 3
        image.ImageOrientationPatient, image.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [0, 0, 3 * number]
        image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
        image.BitsAllocated = image.BitsStored = 16
        image.HighBit, image.PixelRepresentation = 15, 1
        image.RescaleIntercept, image.RescaleSlope = 0, slope
        image.PixelData = np.full((4, 4), value, np.int16).tobytes()
        image.save_as(f"{name}/{number}.dcm", enforce_file_format=True)
    return Path(name)


def volume(folder):
    fragment = Fragment()
    load = DICOMDataLoaderOperator(fragment, input_folder=folder, name="load")
    operator = DICOMSeriesToVolumeOperator(fragment, name="volume")
    (study,) = load.load_data_to_studies(folder)
    selected = StudySelectedSeries(study)
    for one in study.get_all_series():
        selected.add_selected_series(SelectedSeries(None, one, ""))
    return operator.convert_to_image([selected]).asnumpy()


CLASSES = {"CT": CTImageStorage, "PT": PositronEmissionTomographyImageStorage}
seen = {}
for modality, slices, slope in (("CT", [50, -100, 50], 1), ("PT", [0, 3, 8], 0.25)):
    found = volume(series(modality, modality, slices, slope))
    seen[modality] = [float(one[0, 0]) for one in found]
    print(modality, [slope * value for value in slices], "becomes", seen[modality], found.dtype)
if seen != {"CT": [50, 65436, 50], "PT": [0, 0, 2]}:
    sys.exit("The behavior has changed: the values are others.")
PY
