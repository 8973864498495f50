#!/usr/bin/env bash
# Of an image of several patches edafa returns one: the last one, in the place of the first. All others are NaN.
#
# Versions: edafa 0.1.5, OpenCV 5.0.0.93, NumPy 2.2.6.
# Behavior: SegPredictor goes through the patches of an image and writes each prediction to the same place, the upper
#     left corner, over the one before. What is there is divided by the number of patches, what is elsewhere by 0.
# Expected: the prediction of the whole image, "prediction of large image" by patches being what the class is for.
# Seen: a network that returns its input, patches of 32 pixels. An image of 32 x 32 pixels comes back as it was. One of
#     64 x 64: 3072 of 4096 pixels are NaN, and the object of the last patch (from 40, 40) lies in the first (at 8, 8),
#     with a probability of 0.25 instead of 1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 pyyaml==6.0.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps edafa==0.1.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from edafa import SegPredictor

print({name: version(name) for name in ("edafa", "opencv-python-headless", "numpy")})


class Same(SegPredictor):
    def predict_patches(self, patches):
        return patches.astype(float)


def predicted(size: int, objects: list[int]) -> tuple:
    image = np.zeros((size, size, 1), np.uint8)
    for first in objects:
        image[first:first + 10, first:first + 16] = 1
    found = Same(32, 1, '{"augs": ["NO"], "mean": "ARITH"}').predict_images([image])[0, ..., 0]
    where = np.argwhere(np.nan_to_num(found) > 0)
    return int(np.isnan(found).sum()), float(np.nanmax(found)), where.min(axis=0).tolist(), where.max(axis=0).tolist()


seen = {32: predicted(32, [2]), 64: predicted(64, [2, 40])}
for size, objects in ((32, "(2, 2) to (11, 17)"), (64, "(2, 2) to (11, 17) and (40, 40) to (49, 55)")):
    missing, highest, first, last = seen[size]
    print(f"{size} x {size} pixels, objects from {objects}: {missing} pixels are NaN, the highest is {highest}, "
          f"objects from {first} to {last}")
if seen != {32: (0, 1.0, [2, 2], [11, 17]), 64: (3072, 0.25, [8, 8], [17, 23])}:
    sys.exit("The behavior has changed: patches are elsewhere.")
PY
