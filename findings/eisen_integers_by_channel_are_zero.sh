#!/usr/bin/env bash
# Eisen makes an image of integers black where it normalizes it channel by channel.
#
# Versions: eisen-core 0.0.9, NumPy 2.2.6, nibabel 5.4.2, nilearn 0.14.1, SimpleITK 2.5.7.
# Behavior: MapValues with channelwise=True writes values between 0 and 1 back into the array that it was given. In an
#     array of integers they are cut off to 0, before they are stretched to the interval that was asked for. Without
#     channelwise a new array of floating point numbers is made. Images read from most files are integers.
# Expected: values from 0 to 255, by channel.
# Seen: two channels of 12 gray values each, to be mapped to 0 ... 255: in int16 all are 0, in float32 they reach 255; in
#     int16 without channelwise as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 pandas==2.3.3 scikit-learn==1.9.1 nilearn==0.14.1 SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps eisen-core==0.0.9
cd "$work"
MPLCONFIGDIR="$work" "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from eisen.transforms.imaging import MapValues

print({name: version(name) for name in ("eisen-core", "numpy", "nibabel", "nilearn", "SimpleITK")})
image = np.arange(24).reshape(2, 3, 4) * 10
seen = {}
for kind in ("int16", "float32"):
    for channelwise in (True, False):
        mapped = MapValues(["image"], 0, 255, channelwise=channelwise)({"image": image.astype(kind)})["image"]
        seen[kind, channelwise] = len(np.unique(mapped)), round(float(mapped.max()))
        print("{}, channelwise={}: {} values up to {}".format(kind, channelwise, *seen[kind, channelwise]))
if seen.pop(("int16", True)) != (1, 0) or {highest for _, highest in seen.values()} != {255}:
    sys.exit("The behavior has changed: the values are others.")
PY
