#!/usr/bin/env bash
# segmentation-models-pytorch's MCCLoss is NaN for what its networks return.
#
# Versions: segmentation-models-pytorch 0.6.0, PyTorch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
# Behavior: all other losses of the package take the networks' output, logits, or have from_logits=True by default.
#     MCCLoss has no such argument and takes its input for probabilities. Of logits the counts become negative and the
#     square root of their product NaN: from the first step, for a perfect prediction too; or the loss is a number above
#     2, which a correlation cannot have.
# Expected: as for DiceLoss("binary"), logits; or an exception. The documentation says "model prediction".
# Seen: logits of -5 and 5 in the right places: NaN; their probabilities: 0.027; DiceLoss of the logits: 0.023. Logits
#     of -1 and 1 in the wrong places: 2.55.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 segmentation-models-pytorch==0.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from segmentation_models_pytorch.losses import DiceLoss, MCCLoss

print({name: version(name) for name in ("segmentation-models-pytorch", "torch", "torchvision")})
mask = torch.zeros(1, 1, 16, 16)
mask[..., 4:10, 4:10] = 1
right, loss = (2 * mask - 1) * 5, MCCLoss()
values = [loss(right, mask), loss(right.sigmoid(), mask), DiceLoss("binary")(right, mask), loss(1 - 2 * mask, mask)]
logits, probabilities, dice, wrong = (round(value.item(), 3) for value in values)
print(f"right: logits {logits}, probabilities {probabilities}, DiceLoss of the logits {dice}; wrong: logits {wrong}")
if not (logits != logits and probabilities < 0.05 and dice < 0.05 and wrong > 2):
    sys.exit("The behavior has changed: the loss of logits is another.")
PY
