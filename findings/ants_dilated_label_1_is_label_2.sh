#!/usr/bin/env bash
# ANTsPy turns label 1 into label 2 where labels are dilated or closed.
#
# Versions: antspyx 0.6.3, NumPy 2.3.5, SciPy 1.15.3.
# Behavior: multi_label_morphology with "MD" or "MC" makes a dilation of label 1 whose inner part, where the label was,
#     is label 2, and whose new layer is label 1. After a closing nothing of label 1 is left: two organs are one. All
#     other labels are as they should be.
# Expected: "dilates all labels sequentially, but does not overwrite original labels", "label N should have mean N and 0
#     variance", with labels 1 and 2 as the example.
# Seen: two organs of 1000 voxels. Labels 1 and 2: dilated 720 and 2720 voxels, closed 0 and 2000. Labels 3 and 4: 1720
#     and 1720, 1000 and 1000.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.15.3 antspyx==0.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import ants
import numpy as np

print({name: version(name) for name in ("antspyx", "numpy", "scipy")})
seen = {}
for first, second in ((1, 2), (3, 4)):
    labels = np.zeros((40, 20, 20), np.float32)
    labels[3:13, 5:15, 5:15] = first
    labels[23:33, 5:15, 5:15] = second
    for operation in ("MD", "MC", "MO"):
        result = ants.multi_label_morphology(ants.from_numpy(labels), operation, 1).numpy()
        inside = sorted(np.unique(result[labels == first]).astype(int).tolist())
        seen[first, operation] = [int((result == label).sum()) for label in (first, second)]
        print(f"labels {first} and {second}, {operation}: {seen[first, operation]} voxels; where label {first} was: "
              f"{inside}")
expected = {(1, "MD"): [720, 2720], (1, "MC"): [0, 2000], (3, "MD"): [1720, 1720], (3, "MC"): [1000, 1000]}
if seen != expected | {(label, "MO"): [992, 992] for label in (1, 3)}:
    sys.exit("The behavior has changed: the labels are others.")
PY
