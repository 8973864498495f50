#!/usr/bin/env bash
# niiprep stretches images to a maximum of 255 when it crops them: muscle of 40 HU becomes 10 or 3.
#
# Versions: niiprep 0.2.2, TorchIO 1.2.1, nibabel 5.3.2, SciPy 1.15.3.
# Behavior: autocrop divides the image by its maximum and multiplies it by 255 to find a threshold, and saves what it
#     has then instead of what it read. A metal implant or a contrast agent changes all other values. Of a mask the
#     highest label becomes 255. With the box that it returns, another function crops without a change.
# Expected: a part of the image, with its values.
# Seen: a body of 40 HU with a bone of 1000 HU in air of −1000, saved in int16. Cropped: 10 and 255. With an implant of
#     3000 HU: 3, 85 and 255. Labels 1 and 2: 127.5 and 255.
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
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO

import nibabel as nib
import numpy as np
from niiprep.autocrop import autocrop

print({name: version(name) for name in ("niiprep", "torchio", "nibabel", "scipy")})
body = np.full((30, 30, 30), -1000, np.int16)
body[5:25, 5:25, 5:25], body[10:15, 10:15, 10:15] = 40, 1000
implant = body.copy()
implant[20, 20, 20] = 3000
labels = np.select([body == 1000, body == 40], [2, 1]).astype(np.uint8)
seen = {}
for name, image in (("bone", body), ("implant", implant), ("labels", labels)):
    nib.save(nib.Nifti1Image(image, np.eye(4)), "image.nii.gz")
    with redirect_stdout(StringIO()):
        autocrop("image.nii.gz", "cropped.nii.gz")
    cropped = nib.load("cropped.nii.gz").get_fdata()
    seen[name] = np.unique(cropped.round(1)).tolist()
    print(f"{name}: {np.unique(image).tolist()}, cropped to {cropped.shape}: {seen[name]}")
if seen != {"bone": [10.2, 255.0], "implant": [3.4, 85.0, 255.0], "labels": [127.5, 255.0]}:
    sys.exit("The behavior has changed: the values are others.")
PY
