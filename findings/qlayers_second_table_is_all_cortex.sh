#!/usr/bin/env bash
# qlayers gives all of the kidney one tissue when its table is asked for a second time, then the other one.
#
# Versions: qlayers 1.0.0, trimesh 4.10.1, scikit-image 0.25.2, nibabel 5.4.2, pandas 2.3.3.
# Behavior: names are put in the place of numbers in the table that is kept. The second time the names, sorted, are taken
#     for numbers and replaced one after the other: medulla by cortex and then, or before, cortex by medulla.
# Expected: the same table each time; asking for it changes nothing.
# Seen: a kidney with 552 voxels of medulla at 60 ms and 2560 of cortex at 100 ms, labels ("medulla", "cortex"): right
#     the first time, 3112 voxels of cortex with a mean of 92.9 ms the second, 3112 of medulla the third time.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 nibabel==5.4.2 trimesh==4.10.1 rtree==1.4.1 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps qlayers==1.0.0
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from qlayers import QLayers

print({name: version(name) for name in ("qlayers", "trimesh", "scikit-image", "nibabel", "pandas")})
radius = np.sqrt(np.sum((np.mgrid[:24, :24, :24] - 11.5) ** 2, axis=0))
mask = (radius < 9).astype(np.uint8)
tissue = np.where(radius < 5, 1, 2).astype(np.uint8) * mask


def image(array):
    return nib.Nifti1Image(array, np.diag([2, 2, 2, 1.0]))


with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    layers = QLayers(image(mask), thickness=2, pelvis_dist=0)
    layers.add_tissue(image(tissue), ["medulla", "cortex"])
    layers.add_map(image(np.where(tissue == 1, 60.0, 100.0)), "t2")
seen = []
for call in (1, 2, 3):
    groups = layers.get_df("long").groupby("tissue")["value"]
    seen.append({name: (len(values), round(values.mean(), 1)) for name, values in groups})
    print(f"call {call}: voxels and mean of each tissue", seen[-1])
first = {"cortex": (2560, 100.0), "medulla": (552, 60.0)}
if seen != [first, {"cortex": (3112, 92.9)}, {"medulla": (3112, 92.9)}]:
    sys.exit("The behavior has changed: the tissues are others.")
PY
