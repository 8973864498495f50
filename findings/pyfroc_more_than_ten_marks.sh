#!/usr/bin/env bash
# Of the marks of a reader pyfroc loses the first one when there are eleven, the first two when there are twelve.
#
# Versions: pyfroc 0.3.5, pynrrd 1.1.3, scikit-image 0.26.0, NumPy 1.26.4.
# Behavior: SegNRRDLoader reads the last digit of a segment's number only. Segment 10 of a segmentation of 3D Slicer
#     takes the place of segment 0, with its label, its name and the confidence in the name.
# Expected: a response for each segment.
# Seen: ten marks with confidences 50 to 59: ten responses. Twelve marks, 50 to 61: ten responses, without 50 and 51.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scikit-image==0.26.0 pynrrd==1.1.3 pydicom==3.0.2 bidict==0.24.1 matching==1.4.3 \
    pandas==2.3.3 tcia_utils==3.3.5 pyfroc==0.3.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nrrd
import numpy as np
from pyfroc.loaders import SegNRRDLoader

print({name: version(name) for name in ("pyfroc", "pynrrd", "scikit-image", "numpy")})
seen = {}
for marks in (10, 12):
    mask = np.zeros((60, 40, 12), np.uint8)
    header = {"space": "left-posterior-superior", "space directions": np.diag([1.0, 1, 2]), "space origin": [0, 0, 0]}
    for number in range(marks):
        x, y = 4 + 11 * (number % 5), 4 + 11 * (number // 5)
        mask[x:x + 4, y:y + 4, 5:8] = number + 1
        header |= {
            f"Segment{number}_ID": f"Segment_{number + 1}",
            f"Segment{number}_LabelValue": str(number + 1),
            f"Segment{number}_Layer": "0",
            f"Segment{number}_Name": str(50 + number),
        }
    nrrd.write("marks.seg.nrrd", mask, header)
    responses = SegNRRDLoader.segnrrd2responses(SegNRRDLoader.read_segnrrd("marks.seg.nrrd"))
    seen[marks] = sorted(response.confidence for response in responses)
    print(f"{marks} marks with confidences 50 to {49 + marks}: {len(seen[marks])} responses, {seen[marks]}")
if seen != {10: list(range(50, 60)), 12: list(range(52, 62))}:
    sys.exit("The behavior has changed: other marks are read.")
PY
