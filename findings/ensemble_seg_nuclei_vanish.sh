#!/usr/bin/env bash
# Nuclei below 221 pixels vanish where ensemble-seg merges masks, and larger ones get smaller, if all masks agree.
#
# Versions: ensemble-seg 0.3.0, OpenCV 5.0.0.93, Numba 0.68.1, NumPy 2.2.6.
# Behavior: the sum of the masks is clipped to 255 before it is blurred with a box of 21 x 21 pixels, and what is below
#     half is cut off. A nucleus that fills less than half of the box is nothing afterwards, corners of others are lost.
#     A mask alone with a confidence below 0.5 is empty, however large it is; with 0.5 half of its width is left.
# Expected: the mask on which all agree; "add small blur to smooth out the edges".
# Seen: two equal masks with confidence 0.9, squares of 10, 14, 15, 20 and 30 pixels: 0, 0, 49, 232 and 732 pixels
#     instead of 100, 196, 225, 400 and 900. With blur_kernel=(1, 1) all are as they were. A square of 40 alone, 1600
#     pixels: 0 with confidence 0.4, 400 with 0.5, 1292 with 0.9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 numba==0.68.1 opencv-python-headless==5.0.0.93
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps ensemble-seg==0.3.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from ensemble_seg import merge_masks

print({name: version(name) for name in ("ensemble-seg", "opencv-python-headless", "numba", "numpy")})


def merged(side: int, confidences: list[float], **settings) -> int:
    instances = []
    for confidence in confidences:
        mask = np.zeros((100, 100), np.uint8)
        mask[20:20 + side, 20:20 + side] = 255
        instances.append({"mask": mask, "bbox": (20, 20, 20 + side, 20 + side), "confidence": confidence})
    ((_, result),) = merge_masks(instances, **settings)
    return int((result > 0).sum())


sides = (10, 14, 15, 20, 30)
agreed = [merged(side, [0.9, 0.9]) for side in sides]
sharp = [merged(side, [0.9, 0.9], blur_kernel=(1, 1)) for side in sides]
alone = [merged(40, [confidence]) for confidence in (0.4, 0.5, 0.9)]
print(f"two equal masks of {[side ** 2 for side in sides]} pixels: {agreed}, without a blur {sharp}")
print(f"one mask of 1600 pixels, confidence 0.4, 0.5, 0.9: {alone}")
if (agreed, sharp, alone) != ([0, 0, 49, 232, 732], [100, 196, 225, 400, 900], [0, 400, 1292]):
    sys.exit("The behavior has changed: merged masks have other sizes.")
PY
