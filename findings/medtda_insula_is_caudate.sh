#!/usr/bin/env bash
# medtda reads masks as bytes: of FreeSurfer's labels the left insula, 1035, belongs to the left caudate, 11.
#
# Versions: medtda 0.1.0, SimpleITK 2.5.7, NumPy 2.2.6, gudhi 3.13.0.
# Behavior: arrays and files of masks are turned into bytes, so that of a label above 255 what is left after 256 has been
#     subtracted often enough remains. Its description says that labels keep their values.
# Expected: the region of label 11 is that of label 11, as 1035 is another number; or an error for 1035.
# Seen: a caudate of 125 voxels and an insula of 3375 elsewhere: the region of label 11 has 3500 voxels, and the image is
#     cropped to both. The same for an array and for a NIfTI file. Asked for 1035, it says that this label is not there.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 scikit-learn==1.7.2 SimpleITK==2.5.7 gudhi==3.13.0 cripser==0.0.37 pillow==11.3.0 \
    matplotlib==3.10.8 seaborn==0.13.2 PyYAML==6.0.3 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medtda==0.1.0
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medtda import Preprocessor

print({name: version(name) for name in ("medtda", "simpleitk", "numpy", "gudhi")})
labels = np.zeros((40, 40, 40), np.int32)
labels[5:10, 5:10, 5:10] = 11
labels[20:35, 20:35, 20:35] = 1035
image = np.where(labels == 1035, 500.0, 100.0)
sitk.WriteImage(sitk.GetImageFromArray(labels), "labels.nii.gz")
sitk.WriteImage(sitk.GetImageFromArray(image), "image.nii.gz")
given = {label: int(np.sum(labels == label)) for label in (11, 1035)}
seen = []
for name, volume, mask in (("arrays", image, labels), ("files", "image.nii.gz", "labels.nii.gz")):
    result, details = Preprocessor(label=11).preprocess(volume, mask)
    size = details["crop_info"]["roi_size"]
    seen.append((size, result.max()))
    print(f"{name}: voxels given {given}, of label 11 {size}, cropped to {result.shape}, largest value {result.max()}")
try:
    Preprocessor(label=1035).preprocess(image, labels)
    message = ""
except ValueError as error:
    message = str(error)
    print(message)
if seen != [(3500, 500.0)] * 2 or "1035 does not exist" not in message:
    sys.exit("The behavior has changed: the region is another.")
PY
