#!/usr/bin/env bash
# evalseg's Hausdorff distance is the mean of its two directions: 13 mm where a voxel is 21 mm away.
#
# Versions: evalseg 2.7, edt 3.0.0, NumPy 1.26.4, SciPy 1.11.4.
# Behavior: of the distances from the result to the ground truth and back, HD() takes the maxima ("max") or the 95 %
#     quantiles ("95th") and then their mean, not the larger one. A result that finds only a part of an organ is at
#     distance 0 of it in one direction, so the distance of the part that was missed is about halved.
# Expected: the maximum of both directions for the Hausdorff distance, which SciPy's distance transform finds as well.
# Seen: a quarter of the side of a box: 13.1 instead of 21.2 mm.
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
from evalseg.metrics import HD
from scipy.ndimage import distance_transform_edt

print({name: version(name) for name in ("evalseg", "edt", "numpy", "scipy")})
organ = np.zeros((40, 40, 20), bool)
organ[5:25, 5:25, 5:15] = True
part = np.zeros_like(organ)
part[5:10, 5:10, 5:15] = True
metric = HD()
metric.set_reference_numpy(organ, spacing=np.ones(3))
found = {name: round(float(value), 1) for name, value in metric.evaluate_numpy(part).items()}
directed = [float(distance_transform_edt(~two)[one].max()) for one, two in ((organ, part), (part, organ))]
print(f"HD: {found}; SciPy: from the organ to its part {directed[0]:.1f}, back {directed[1]:.1f}")
if found["max"] != 13.1 or round(max(directed), 1) != 21.2:
    sys.exit("The behavior has changed: the distance is another.")
PY
