#!/usr/bin/env bash
# medcore lists the volume of an organ under the name of another one, or not at all, if labels are not 1, 2, 3 in order.
#
# Versions: medcore 1.6.0, SimpleITK 2.5.7, pandas 3.1.1, NumPy 2.2.6.
# Behavior: compute_label_volumes takes a "mapping of {label_value: image_path}". The value of a label is written into
#     the row that its number counts out, not into that of its file: label 1 into the first row, and so on; a number
#     above the count of files is left out, and rows without a value are 0.
# Expected: the volume of each file under its own name, whatever its label and its place.
# Seen: a liver of 9 cm³, a spleen of 4 and a kidney of 2. As labels 1, 2 and 3: 9, 4 and 2. As 5, 3 and 1: the liver
#     has 2, the spleen 0 and the kidney 4. As 3, 2 and 1: 2, 4 and 9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 pandas==3.1.1 pydicom==3.0.2 simpleitk==2.5.7 networkx==3.6.1
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    matplotlib==3.11.2 scipy==1.17.1 scikit-image==0.26.0 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps medcore==1.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from medcore import compute_label_volumes

print({name: version(name) for name in ("medcore", "SimpleITK", "pandas", "numpy")})
first, files = 0, {}
for name, slices in (("liver", 9), ("spleen", 4), ("kidney", 2)):
    mask = np.zeros((20, 10, 10), np.uint8)
    mask[first : first + slices] = 1
    image = sitk.GetImageFromArray(mask)
    image.SetSpacing((2, 2, 2.5))
    files[name] = f"{name}.nii.gz"
    sitk.WriteImage(image, files[name])
    first += slices
seen = {}
for labels in ((1, 2, 3), (5, 3, 1), (3, 2, 1)):
    table = compute_label_volumes(dict(zip(labels, files.values(), strict=True)))
    seen[labels] = {name: round(float(table[name].iloc[0]), 3) for name in files}
    print(f"liver, spleen and kidney as labels {labels}: {seen[labels]} cm³")
expected = {(1, 2, 3): [9.0, 4.0, 2.0], (5, 3, 1): [2.0, 0.0, 4.0], (3, 2, 1): [2.0, 4.0, 9.0]}
if {labels: list(volumes.values()) for labels, volumes in seen.items()} != expected:
    sys.exit("The behavior has changed: the volumes are others.")
PY
