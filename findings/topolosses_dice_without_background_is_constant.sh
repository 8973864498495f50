#!/usr/bin/env bash
# The DiceLoss of topolosses is the same for every prediction if the background of two classes is left out.
#
# Versions: topolosses 0.2.0, PyTorch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
# Behavior: with include_background=False the first channel is dropped before softmax is applied. Of two classes one
#     channel is left, whose softmax is 1 everywhere; of more classes the background can never win. MONAI's loss of the
#     same arguments applies softmax first.
# Expected: 0 for a perfect prediction, and a gradient for all others.
# Seen: an object of 19 % of the image: 0.68 for a perfect prediction, for one without the object, and for one with
#     nothing else, with a gradient of 0. With include_background=True: 0.00, 0.55, 0.84.
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
from topolosses.losses import DiceLoss

print({name: version(name) for name in ("topolosses", "torch", "torchvision", "numpy")})
classes = torch.zeros(1, 32, 32, dtype=torch.long)
classes[:, 8:20, 8:24] = 1
truth = torch.nn.functional.one_hot(classes, 2).movedim(-1, 1).float()
nothing = torch.zeros_like(truth)
nothing[:, 0] = 1
seen = {}
for background in (True, False):
    loss = DiceLoss(softmax=True, include_background=background)
    values, gradient = [], 0.0
    for prediction in (truth, nothing, 1 - nothing):
        logits = (6 * prediction - 3).requires_grad_()
        value = loss(logits, truth)
        value.backward()
        values.append(round(float(value.detach()), 2))
        gradient = max(gradient, float(logits.grad.abs().max()))
    seen[background] = values, gradient == 0
    print(f"include_background={background}: perfect, no object, nothing else {values}, gradient up to {gradient:.1e}")
if seen != {True: ([0.0, 0.55, 0.84], False), False: ([0.68, 0.68, 0.68], True)}:
    sys.exit("The behavior has changed: the losses are others.")
PY
