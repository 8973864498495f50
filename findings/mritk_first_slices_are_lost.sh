#!/usr/bin/env bash
# mritk loses what lies in the first slice, row or column of a segmentation when it is brought to another grid.
#
# Versions: mritk 0.4.3, NumPy 2.2.6, nibabel 5.4.2, pandas 2.3.3.
# Behavior: voxels of the reference whose place in the segmentation is above 0 are filled, along all three axes; those
#     at 0 are taken for outside. Cropped segmentations have their structures there.
# Expected: on its own grid a segmentation stays as it is.
# Seen: a structure of 120 voxels in the corner of its image has 60 on the same grid, and half of its volume on one of
#     half the spacing; one in the middle keeps all of its 27.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 nibabel==5.4.2 tqdm==4.67.1 rich==14.2.0 rich-argparse==1.8.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mritk==0.4.3
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mritk.data import MRIData
from mritk.segmentation import Segmentation

print({name: version(name) for name in ("mritk", "numpy", "nibabel", "pandas")})
labels = np.zeros((10, 12, 14), np.int16)
labels[:4, :5, :6] = 1
labels[6:9, 6:9, 6:9] = 2
affine = np.diag([2, 2, 2, 1.0])
segmentation = Segmentation(MRIData(labels, affine))
half = np.diag([1, 1, 1, 1.0])
half[:3, 3] = -0.5
grids = {"its own grid": (labels.shape, affine, 1), "half the spacing": ((20, 24, 28), half, 8)}
seen = {}
for name, (shape, matrix, factor) in grids.items():
    resampled = segmentation.resample_to_reference(MRIData(np.zeros(shape), matrix)).mri.data
    seen[name] = [int(np.sum(resampled == label)) / factor for label in (1, 2)]
    given = [int(np.sum(labels == label)) for label in (1, 2)]
    print(f"{name}: voxels of the corner and the middle {given}, afterwards {seen[name]} of the same size")
if list(seen.values()) != [[60, 27], [60, 27]]:
    sys.exit("The behavior has changed: the structures are others.")
PY
