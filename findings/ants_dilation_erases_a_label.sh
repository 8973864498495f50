#!/usr/bin/env bash
# ANTs' dilation of several labels gives the place of the first label to the second, though it promises to keep labels.
#
# Versions: antspyx 0.6.3, NumPy 2.3.5, SciPy 1.15.3.
# Behavior: multi_label_morphology with "MD" (dilation) or "MC" (closing) turns every voxel of the lowest label into the
#     next one: of the first label only a rim remains after a dilation, and nothing after a closing. Also where the
#     labels are far from each other.
# Expected: what its documentation says: dilation "does not overwrite original labels", closing neither, and "label N
#     should have mean N and 0 variance".
# Seen: three cubes of 512 voxels, 8 voxels apart, labeled 1, 2 and 3: of their own voxels 0, 512 and 512 keep the
#     label; label 2 has 1024 voxels after a closing, label 1 none.
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
labels = np.zeros((52, 20, 20), np.float32)
for label, start in ((1, 4), (2, 20), (3, 36)):
    labels[start : start + 8, 6:14, 6:14] = label
seen = {}
for operation in ("MD", "MC"):
    result = ants.multi_label_morphology(ants.from_numpy(labels), operation, 2).numpy()
    kept = [int(((labels == label) & (result == label)).sum()) for label in (1, 2, 3)]
    after = [int((result == label).sum()) for label in (1, 2, 3)]
    seen[operation] = kept, after
    print(f"{operation}: own voxels that keep their label {kept} of 512 each; voxels of each label after it {after}")
if not (seen["MD"][0] == seen["MC"][0] == [0, 512, 512] and seen["MC"][1] == [0, 1024, 512]):
    sys.exit("The behavior has changed: label 1 keeps its voxels.")
PY
