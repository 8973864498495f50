#!/usr/bin/env bash
# The MosinLoss of topolosses compares every prediction with an empty image, whatever the labels are.
#
# Versions: topolosses 0.2.0, PyTorch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
# Behavior: the labels of each class are turned into class indices by an argmax over their single channel, which is 0
#     everywhere, before the features of a VGG network are computed. The features of the prediction are compared with
#     those of an image of zeros, so the loss draws predictions to background.
# Expected: 0 for a perfect prediction, more for others.
# Seen: with an object, with half of it and without one in the labels the loss of a prediction is the same: 0 for a
#     prediction without an object, which is the smallest, more than 0 for a perfect one. The network has random
#     weights here; those that the loss downloads make other numbers, and the same order.
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
import torchvision
from topolosses.losses import MosinLoss

print({name: version(name) for name in ("topolosses", "torch", "torchvision", "numpy")})
network = torchvision.models.vgg19
torchvision.models.vgg19 = lambda weights: network(weights=None)
torch.manual_seed(0)
loss = MosinLoss(use_base_loss=False, alpha=1.0, include_background=False)


def one_hot(rows):
    classes = torch.zeros(1, 32, 32, dtype=torch.long)
    classes[:, 8 : 8 + rows, 8:24] = 1
    return torch.nn.functional.one_hot(classes, 2).movedim(-1, 1).float()


seen = {}
for labeled in (12, 6, 0):
    seen[labeled] = [float(loss(one_hot(predicted), one_hot(labeled))) for predicted in (12, 6, 0)]
    print(f"labels with {labeled} rows: losses of predictions with 12, 6, 0 rows", [f"{v:.4f}" for v in seen[labeled]])
full, half, none = seen[12]
if not (seen[12] == seen[6] == seen[0] and full > half > none == 0):
    sys.exit("The behavior has changed: the losses are others.")
PY
