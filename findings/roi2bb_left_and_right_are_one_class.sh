#!/usr/bin/env bash
# roi2bb makes one class of the left and the right kidney, and finds no left atrium.
#
# Versions: roi2bb 0.1.0, nibabel 5.4.2, NumPy 2.4.6.
# Behavior: the class is the part of the file name after the first underscore. left_kidney.json and right_kidney.json
#     are both "kidney"; with a list of classes by their names neither is known, and their regions are left out.
# Expected: classes left_kidney and right_kidney, since only patient and number are said to be ignored, and the
#     description of the package has left_atrium.json for class left_atrium.
# Seen: two boxes of class 0. With a list of left_kidney: 1, right_kidney: 2 and trachea: 3 only the trachea is written.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 nibabel==5.4.2 roi2bb==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
from roi2bb import Converter

print({name: version(name) for name in ("roi2bb", "nibabel", "numpy")})
affine = np.diag([-1.0, 1, 1, 1])
affine[0, 3] = 39
nib.save(nib.Nifti1Image(np.zeros((40, 50, 60), np.uint8), affine), "ct.nii")
Path("labels").mkdir()
for organ, x in {"left_kidney": -30, "right_kidney": -10, "trachea": -20}.items():
    roi = {"type": "ROI", "coordinateSystem": "LPS", "center": [x, -20, 30], "size": [4, 6, 8]}
    Path("labels", f"{organ}.json").write_text(json.dumps({"markups": [roi]}))
seen = {}
named = {"left_kidney": 1, "right_kidney": 2, "trachea": 3}
for name, mapping in {"classes by files": None, "classes by names": named}.items():
    Converter("ct.nii", "labels", "out/boxes.txt", class_mapping=mapping).run()
    seen[name] = [int(line.split()[0]) for line in Path("out/boxes.txt").read_text().splitlines()]
    print(f"{name}: boxes of classes {seen[name]}")
if seen != {"classes by files": [0, 0, 1], "classes by names": [3]}:
    sys.exit("The behavior has changed: the boxes have other classes.")
PY
