#!/usr/bin/env bash
# evalseg's normalized surface distance of a mask with itself is 0 for voxels of 1 mm, 1 for voxels of 0.8 mm.
#
# Versions: evalseg 2.7, edt 3.0.0, NumPy 1.26.4, SciPy 1.11.4.
# Behavior: the surface is the outermost layer of voxels of the object, but distances are measured to the middle of the
#     nearest voxel on the other side of it: no voxel is at distance 0 from its own surface, the nearest are one voxel
#     away. With the default tolerance, which is 1 (mm) and must not be reached, nothing matches in an isotropic image
#     of 1 mm or more; in one of 5 mm slices the voxels whose next neighbor outside is above or below never match.
# Expected: 1, the score of a perfect result, whatever the spacing and the tolerance.
# Seen: a box with itself, tau=1: 0.0 in 1 mm, 1.0 in 0.8 mm, 0.0 in 1 x 1 x 5 mm; tau=2: 1.0, 1.0 and 0.54.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.11.4 pandas==2.3.3 scikit-image==0.22.0 matplotlib==3.9.4 nibabel==5.3.2 edt==3.0.0 \
    opencv-python-headless==4.11.0.86 connected-components-3d==3.23.0 sparse==0.15.4 k3d==2.16.1 ipython==8.31.0 \
    ipywidgets==8.1.9 diskcache==5.6.3 compress-pickle==2.1.0 auto-profiler==2.0 memory-profiler==0.61.0 psutil==7.2.2 \
    tqdm==4.70.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps evalseg==2.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from evalseg.metrics import NSD

print({name: version(name) for name in ("evalseg", "edt", "numpy", "scipy")})
mask = np.zeros((40, 40, 20), bool)
mask[5:25, 5:25, 5:15] = True
seen = {}
for tau in (1, 2):
    for spacing in ((1.0, 1.0, 1.0), (0.8, 0.8, 0.8), (1.0, 1.0, 5.0)):
        metric = NSD(tau=tau)
        metric.set_reference_numpy(mask, spacing=np.array(spacing))
        seen[tau, spacing] = round(float(metric.evaluate_numpy(mask)), 2)
        print(f"spacing {spacing}, tolerance {tau} mm: a mask with itself {seen[tau, spacing]}")
if list(seen.values()) != [0.0, 1.0, 0.0, 1.0, 1.0, 0.54]:
    sys.exit("The behavior has changed: a perfect result has another score.")
PY
