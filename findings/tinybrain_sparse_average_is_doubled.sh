#!/usr/bin/env bash
# tinybrain doubles the last values of an image with an odd number of voxels where it averages without background.
#
# Versions: tinybrain 1.7.0, NumPy 2.4.6.
# Behavior: with sparse=True and a factor of (2, 2, 2), the last plane along the first axis has half of the voxels it was
#     summed from in its denominator if that axis is odd. In images of bytes the doubled values overflow. Without
#     sparse=True, and along the other axes, values are right.
# Expected: the average of an image of one value is that value, whatever its size.
# Seen: 200 everywhere in 9 x 8 x 8 voxels: the last plane is 400 in 16 bits and 144 in bytes. In 8 x 9 x 9 voxels, and
#     without sparse=True, 200.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 tinybrain==1.7.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import tinybrain

print({name: version(name) for name in ("tinybrain", "numpy")})
seen = {}
for shape in ((9, 8, 8), (8, 9, 9)):
    for kind in ("uint16", "uint8"):
        for sparse in (True, False):
            small, = tinybrain.downsample_with_averaging(np.full(shape, 200, kind), (2, 2, 2), sparse=sparse)
            seen[shape, kind, sparse] = np.unique(small[:-1]).tolist(), np.unique(small[-1]).tolist()
            print("{} of {}, sparse={}: {}, in the last plane {}".format(
                shape, kind, sparse, *seen[shape, kind, sparse]))
for (shape, kind, sparse), values in seen.items():
    last = {"uint16": 400, "uint8": 144}[kind] if sparse and shape[0] == 9 else 200
    if values != ([200], [last]):
        sys.exit("The behavior has changed: the averages are others.")
PY
