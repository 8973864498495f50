#!/usr/bin/env bash
# The center of a lesion is in its first slice in nidataset.
#
# Versions: nidataset 0.9.1, nibabel 5.4.2, pandas 2.3.3, NumPy 2.2.6.
# Behavior: extract_annotations writes the columns CENTER_X, CENTER_Y and CENTER_Z for whole volumes. Two of them are
#     middles, in the axes of the view, as is documented; the third, in the direction of the slices, is the first slice
#     of the object. With the data mode "radius" all three of the same names are middles.
# Expected: the middle of the object in all three.
# Seen: a lesion in slices 30 to 50: CENTER_Z is 30 in the mode "center", 40 in the mode "radius". In the coronal view
#     20 instead of 25, in the sagittal one 10 instead of 15.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 SimpleITK==2.5.7 \
    pandas==2.3.3 pillow==11.3.0 opencv-python-headless==4.11.0.86 scikit-image==0.26.0 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps nidataset==0.9.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
import pandas as pd
from nidataset.slices import extract_annotations

print({name: version(name) for name in ("nidataset", "nibabel", "pandas", "numpy")})
lesion = np.zeros((40, 50, 60), np.uint8)
lesion[10:21, 20:31, 30:51] = 1
nib.save(nib.Nifti1Image(lesion, np.eye(4)), "case_bbox.nii.gz")
seen = {}
for view, axis in {"axial": 2, "coronal": 1, "sagittal": 0}.items():
    tables = {}
    for mode in ("center", "radius"):
        (path,) = extract_annotations("case_bbox.nii.gz", "tables", view, saving_mode="volume", data_mode=mode)
        tables[mode] = pd.read_csv(path)
    middle = tables["radius"][["CENTER_X", "CENTER_Y", "CENTER_Z"]].values[0, axis]
    seen[view] = float(tables["center"]["CENTER_Z"][0]), float(middle)
    print(f"{view}: CENTER_Z of the mode center {seen[view][0]}, the middle in the mode radius {seen[view][1]}")
if seen != {"axial": (30, 40), "coronal": (20, 25), "sagittal": (10, 15)}:
    print("The behavior has changed: the center is elsewhere.")
    sys.exit(1)
PY
