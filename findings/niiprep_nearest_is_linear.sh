#!/usr/bin/env bash
# niiprep interpolates labels linearly where nearest is asked for: between label 2 and label 4 is label 3.
#
# Versions: niiprep 0.2.2, TorchIO 1.2.1, PyTorch 2.13.0, nibabel 5.3.2, SimpleITK 2.5.7.
# Behavior: the choice of the interpolation, an argument and an option of the command, is not handed on. All three give
#     what TorchIO does with images by default, linear interpolation, and labels are rounded down to whole numbers.
# Expected: with nearest only labels that were there; with bspline another result than with linear.
# Seen: labels 2 and 4, in slices of 3 mm, 864 voxels each, resampled to 1 mm. Nearest, linear and bspline are equal:
#     labels 1, 2, 3 and 4, and 432 of 5328 voxels have a label that was nowhere before. TorchIO with nearest: none.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.2.6 scipy==1.15.3 nibabel==5.3.2 \
    simpleitk==2.5.7 torchio==1.2.1 antspyx==0.6.3 opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps niiprep==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
import torchio as tio
from niiprep import resample

print({name: version(name) for name in ("niiprep", "torchio", "torch", "nibabel", "simpleitk")})
organs = np.zeros((20, 20, 20), np.uint8)
organs[4:16, 4:16, 4:10], organs[4:16, 4:16, 10:16] = 2, 4
nib.save(nib.Nifti1Image(organs, np.diag([1.0, 1, 3, 1])), "organs.nii.gz")
seen = {}
for choice in ("nearest", "linear", "bspline"):
    resample("organs.nii.gz", f"{choice}.nii.gz", (1, 1, 1), interpolation=choice)
    seen[choice] = np.asarray(nib.load(f"{choice}.nii.gz").dataobj)
known = tio.Resample(1)(tio.LabelMap("organs.nii.gz")).numpy()
equal = all(np.array_equal(seen["nearest"], image) for image in seen.values())
new = int(np.isin(seen["nearest"], (1, 3)).sum())
print(f"all three are equal: {equal}; labels with nearest: {np.unique(seen['nearest']).tolist()}")
print(f"voxels with a new label: {new} of {int((seen['nearest'] > 0).sum())}; TorchIO: {np.unique(known).tolist()}")
if not equal or np.unique(known).tolist() != [0, 2, 4] or new != 432:
    sys.exit("The behavior has changed: the labels are others.")
PY
