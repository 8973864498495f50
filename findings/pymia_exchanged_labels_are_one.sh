#!/usr/bin/env bash
# pymia makes one label of two that are to be exchanged.
#
# Versions: pymia 0.3.4, NumPy 2.2.6, SimpleITK 2.5.7.
# Behavior: the Relabel of pymia.data.transformation changes one label after the other in the same array, so a label
#     that was just made is changed again if it is to be changed as well. The Relabel of pymia.filtering, with the same
#     rules, looks at the labels as they were.
# Expected: {1: 2, 2: 1} exchanges labels 1 and 2, as after a flip from left to right, in both of them.
# Seen: of labels 0, 1, 2, 3 the transformation makes 0, 2, 2, 3, the filter 0, 2, 1, 3. Shifting labels by
#     {2: 1, 3: 2, 4: 3} gives 4, 4, 4 for 1, 2, 3, with the rules in the opposite order 2, 3, 4.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pymia==0.3.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from pymia.data.transformation import Relabel
from pymia.filtering import misc

print({name: version(name) for name in ("pymia", "numpy", "SimpleITK")})
labels = np.array([[0, 1, 2, 3]], np.uint8)
seen = {}
for name, rules in {"exchange": {1: 2, 2: 1}, "shift": {2: 1, 3: 2, 4: 3}, "shift backward": {4: 3, 3: 2, 2: 1}}.items():
    transformed = Relabel(rules)({"labels": labels.copy()})["labels"][0].tolist()
    filtered = sitk.GetArrayFromImage(misc.Relabel(rules).execute(sitk.GetImageFromArray(labels)))[0].tolist()
    seen[name] = transformed, filtered
    print(f"{name} {rules}: 0, 1, 2, 3 become {transformed} by the transformation, {filtered} by the filter")
right = {"exchange": [0, 2, 1, 3], "shift": [0, 2, 3, 4], "shift backward": [0, 2, 3, 4]}
wrong = {"exchange": [0, 2, 2, 3], "shift": [0, 4, 4, 4], "shift backward": [0, 2, 3, 4]}
if seen != {name: (wrong[name], right[name]) for name in right}:
    sys.exit("The behavior has changed: the labels are others.")
PY
