#!/usr/bin/env bash
# medviz looks for images in the folder of the masks: its table pairs every mask with itself.
#
# Versions: medviz 1.2.0, pandas 2.3.3, nibabel 5.4.2.
# Behavior: match_image_masks has a folder of images and one of masks, and searches the second for both. The first is
#     only asked for the endings of its files.
# Expected: the column Image lists files of the folder of images.
# Seen: three images and three masks of the same names: the paths of both columns are those of the masks. An image
#     without a mask is not in the table, and all three of three are reported as matched.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 matplotlib==3.10.8 \
    nibabel==5.4.2 imageio==2.37.2 scikit-image==0.25.2 scipy==1.15.3 tabulate==0.9.0 pydicom==3.0.2 \
    SimpleITK==2.5.7 mahotas==1.4.18
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medviz==1.2.0
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import ast
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from medviz.preprocess.match_image_mask import match_image_masks

print({name: version(name) for name in ("medviz", "pandas", "nibabel")})
for folder, numbers, dtype in (("images", (1, 2, 3, 4), np.float32), ("masks", (1, 2, 3), np.uint8)):
    Path(folder).mkdir()
    for number in numbers:
        nib.save(nib.Nifti1Image(np.ones((4, 4, 4), dtype), np.eye(4)), f"{folder}/{number}.nii")
match_image_masks("images", "masks", image_extension=".nii", mask_extension=".nii", save_path="table.csv")
table = pd.read_csv("table.csv")
print(table.to_string(index=False))
images = [path for entry in table["Image"] for path in ast.literal_eval(entry)]
if sorted(images) != ["masks/1.nii", "masks/2.nii", "masks/3.nii"]:
    sys.exit("The behavior has changed: the images are others.")
PY
