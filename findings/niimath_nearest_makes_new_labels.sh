#!/usr/bin/env bash
# niimath makes labels of 8.192 out of label 1 when it shrinks a mask by nearest neighbor.
#
# Versions: niimath 1.0.20261016, nibabel 5.4.2, NumPy 2.2.6.
# Behavior: -resize X Y Z 0 is said to be "0=nearest". Enlarging keeps the labels. Shrinking weighs neighbors together:
#     with a factor of 0.5 the borders of labels are averages, with 0.8 the weights do not add up to 1 either: a label
#     is multiplied by 0.8 or 1.6 along each axis. Nothing is said.
# Expected: labels of the mask.
# Seen: a mask with the labels 1 and 2. Factor 2: labels 0, 1, 2. Factor 0.5: 0.125, 0.25, ... 1.5, 2; 147 voxels of 2.
#     Factor 0.8: 0.512, 1.024, 2.048, 4.096 and 8.192, no voxel is 1 or 2. Of a binary mask the same.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 nibabel==5.4.2 niimath==1.0.20261016
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np

print({name: version(name) for name in ("niimath", "nibabel", "numpy")})
mask = np.zeros((40, 40, 40), np.uint8)
mask[8:24, 8:24, 8:24] = 1
mask[24:32, 8:24, 8:24] = 2
seen = {}
for name, array in (("labels 1 and 2", mask), ("label 1", (mask > 0).astype(np.uint8))):
    nib.save(nib.Nifti1Image(array, np.eye(4)), "mask.nii")
    for factor in ("2", "0.5", "0.8"):
        niimath = Path(sys.executable).with_name("niimath")
        subprocess.run([niimath, "mask.nii", "-resize", factor, factor, factor, "0", "new.nii"], check=True)
        path = next(Path().glob("new.nii*"))
        values, counts = np.unique(nib.load(path).get_fdata().round(3), return_counts=True)
        path.unlink()
        seen[name, factor] = dict(zip(values.tolist(), counts.tolist()))
        print(f"{name}, factor {factor}: {seen[name, factor]}")
both, one = ({factor: seen[name, factor] for factor in ("2", "0.5", "0.8")} for name in ("labels 1 and 2", "label 1"))
if set(both["2"]) != {0, 1, 2} or 1.5 not in both["0.5"] or {1, 2} & set(both["0.8"]) or 8.192 not in both["0.8"]:
    sys.exit("The behavior has changed: the labels are others.")
if set(one["2"]) != {0, 1} or 0.5 not in one["0.5"] or set(one["0.8"]) != {0, 0.512, 1.024, 2.048, 4.096}:
    sys.exit("The behavior has changed: the labels are others.")
PY
