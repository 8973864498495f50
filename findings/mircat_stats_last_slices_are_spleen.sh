#!/usr/bin/env bash
# mircat-stats fills the end of segmentations that it resamples with label 1, the spleen.
#
# Versions: mircat-stats 1.0.0, SimpleITK 2.3.1, NumPy 1.26.4.
# Behavior: before organs are measured their labels are resampled to 1 mm. The new grid ends behind the middle of the
#     last old voxel, and what lies there gets the number of the pixel type as its value: 1 in files of bytes.
# Expected: background, or the nearest label, outside of the image.
# Seen: ten slices of 5 mm with a liver (label 5) of 240 mm3 and no spleen (label 1). Of the fifty slices of 1 mm the
#     last two are all spleen: 800 mm3. Of slices of 1 mm, which need no resampling, none is.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.13.1 pandas==2.2.3 SimpleITK==2.3.1 \
    scikit-image==0.24.0 scikit-learn==1.5.2 pydicom==2.4.4 nibabel==5.3.2 dicom2nifti==2.5.1 loguru==0.7.3 \
    tqdm==4.67.1 threadpoolctl==3.5.0 kimimaro==5.8.5 xgboost-cpu==2.1.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mircat-stats==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from mircat_stats.configs.models import torch_model_configs
from mircat_stats.statistics.nifti import resample_nifti_sitk

print({name: version(name) for name in ("mircat-stats", "SimpleITK", "numpy")})
names = {number: name for name, number in torch_model_configs["total"]["output_map"].items()}
seen = {}
for thickness in (5.0, 1.0):
    labels = np.zeros((10, 20, 20), np.uint8)
    labels[3:6, 8:12, 8:12] = 5
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing((1.0, 1.0, thickness))
    sitk.WriteImage(image, "labels.nii.gz")
    resampled = resample_nifti_sitk(Path("labels.nii.gz"), [1.0, 1.0, 1.0], is_label=True, gaussian=False)
    array = sitk.GetArrayFromImage(resampled)
    seen[thickness] = {names[number]: int((array == number).sum()) for number in np.unique(array[array > 0]).tolist()}
    print(f"slices of {thickness} mm: {array.shape[0]} slices of 1 mm, {seen[thickness]} voxels of 1 mm3")
    print("    with spleen:", np.unique(np.argwhere(array == 1)[:, 0]).tolist())
if seen != {5.0: {"spleen": 800, "liver": 240}, 1.0: {"liver": 48}}:
    sys.exit("The behavior has changed: the organs have other sizes.")
PY
