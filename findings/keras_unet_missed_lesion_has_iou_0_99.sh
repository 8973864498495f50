#!/usr/bin/env bash
# keras-unet gives a missed lesion an IoU of 0.99: a pixel of agreement is added for each pixel of the image.
#
# Versions: keras-unet 0.1.2, NumPy 2.4.6.
# Behavior: iou_np and its two relatives with a threshold add the term against divisions by zero, 1 by default, to every
#     pixel before they sum up, instead of once. Intersection and union grow by the number of pixels of the image, and
#     the result is near 1, whatever was predicted, if objects are small. The same metric for Keras in the package adds
#     it once. (The module is loaded alone here, as the rest of the package needs Keras.)
# Expected: 0 for a missed lesion and 1/3 for one of which half lies beside it.
# Seen: a lesion of 20 × 20 pixels in an image of 256 × 256. Missed: 0.994. Found in another place: 0.988. Half of it:
#     0.994. With smooth=0 the three are 0, 0 and 0.333.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps keras-unet==0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import distribution, version
from importlib.util import module_from_spec, spec_from_file_location

import numpy as np

spec = spec_from_file_location("metrics_np", distribution("keras-unet").locate_file("keras_unet/metrics_np.py"))
metrics = module_from_spec(spec)
spec.loader.exec_module(metrics)
print({name: version(name) for name in ("keras-unet", "numpy")})
truth, elsewhere, beside, nothing = np.zeros((4, 1, 256, 256))
truth[0, 100:120, 100:120] = 1
elsewhere[0, 10:30, 10:30] = 1
beside[0, 100:120, 110:130] = 1
seen = {}
for name, prediction in (("missed", nothing), ("elsewhere", elsewhere), ("half of it", beside)):
    seen[name] = [round(float(metrics.iou_np(truth, prediction, **term)), 3) for term in ({}, {"smooth": 0})]
    print(f"{name}: {seen[name][0]}, with smooth=0 {seen[name][1]}")
if seen != {"missed": [0.994, 0.0], "elsewhere": [0.988, 0.0], "half of it": [0.994, 0.333]}:
    sys.exit("The behavior has changed: the IoU is another.")
PY
