#!/usr/bin/env bash
# jbag's signed distances of a mask of bytes say nothing about the object.
#
# Versions: jbag 4.6.3, SciPy 1.17.1, scikit-image 0.26.0, NumPy 2.4.6, PyTorch 2.13.0.
# Behavior: SDF of jbag.transforms, for a "binary segmentation for computing SDF", inverts the mask by `~`, which of a
#     Boolean array is the background, of 0 and 1 in bytes 255 and 254: object and background alike count as object, and
#     there is no place to measure to. The distances have nothing to do with the object, inside and outside of it.
# Expected: the same distances for the same mask, or an error.
# Seen: an object in columns 8 ... 11 of 20. In row 10 the distance of columns 0, 6 and 19 is 8.0, 2.0 and 8.0 of the
#     Boolean mask, and 11.0, 12.5 and 22.0 of the same mask in bytes.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    pandas==3.1.1 openpyxl==3.1.5 python-docx==1.2.0 tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps jbag==4.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from jbag.transforms import SDF

print({name: version(name) for name in ("jbag", "scipy", "scikit-image", "numpy", "torch")})
mask = np.zeros((20, 20), bool)
mask[8:12, 8:12] = True
seen = {}
for kind in ("bool", "uint8", "int16"):
    distances = SDF("organ", normalize=False)({"organ": mask.astype(kind)})["organ_SDF"]
    seen[kind] = [round(float(distances[10, column]), 1) for column in (0, 6, 10, 19)]
    print(f"{kind}: row 10, columns 0, 6, 10 and 19: {seen[kind]}")
if seen != {"bool": [8.0, 2.0, -2.0, 8.0], "uint8": [11.0, 12.5, 12.9, 22.0], "int16": [11.0, 12.5, 12.9, 22.0]}:
    sys.exit("The behavior has changed: the distances are others.")
PY
