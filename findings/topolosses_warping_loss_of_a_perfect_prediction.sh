#!/usr/bin/env bash
# The WarpingLoss of topolosses is largest for a perfect prediction of two classes.
#
# Versions: topolosses 0.2.0, PyTorch 2.14.1, torchvision 0.29.1, OpenCV 4.11.0.86, NumPy 2.4.6.
# Behavior: of one-hot labels of two classes the first channel, the background, is taken for the class indices and
#     compared with the argmax of the prediction. Every pixel that is right counts as critical, and background and
#     object are exchanged in the cross-entropy.
# Expected: 0 for a perfect prediction, more for others.
# Seen: an object of 12 x 16 pixels: 60 for a perfect prediction, 56 for one that is 3 pixels off, 49 for none at all,
#     13 for an image that is all object, 2 for the opposite of the labels with one pixel right.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 \
    scipy==1.17.1 gudhi==3.13.0 POT==0.9.7.post1 opencv-python-headless==4.11.0.86
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps topolosses==0.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from topolosses.losses import WarpingLoss

print({name: version(name) for name in ("topolosses", "torch", "opencv-python-headless", "numpy")})
classes = torch.zeros(1, 32, 32, dtype=torch.long)
classes[:, 8:20, 8:24] = 1
truth = torch.nn.functional.one_hot(classes, 2).movedim(-1, 1).float()
nothing = torch.zeros_like(truth)
nothing[:, 0] = 1
opposite = 1 - truth
opposite[..., 3, 5] = truth[..., 3, 5]
predictions = {
    "perfect": truth,
    "3 pixels off": torch.roll(truth, 3, 3),
    "no object": nothing,
    "nothing else": 1 - nothing,
    "the opposite": opposite,
}
loss = WarpingLoss(use_base_loss=False, alpha=1.0)
seen = {}
for name, prediction in predictions.items():
    seen[name] = round(float(loss(20 * prediction - 10, truth)), 1)
    print(f"{name}: loss {seen[name]}")
if list(seen.values()) != [60.0, 55.9, 49.1, 12.9, 2.1]:
    sys.exit("The behavior has changed: the losses are others.")
PY
