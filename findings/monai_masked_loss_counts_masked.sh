#!/usr/bin/env bash
# MONAI's losses for masks of what was labeled count what was not labeled: a perfect prediction has a loss.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: input and target are multiplied by the mask. Of MaskedDiceLoss with softmax and to_onehot_y the masked target
#     is class 0, the background, before it becomes one-hot, and the masked prediction is no class at all. Of MaskedLoss
#     around a loss of logits a masked logit is 0, a probability of one half.
# Expected: pixels outside of the mask do not count: the loss of the image is that of the part inside of the mask.
# Seen: of a prediction that is right in all labeled pixels, with half of the image labeled, MaskedDiceLoss is 0.25 (with
#     sigmoid it is 0) and MaskedLoss of BCEWithLogitsLoss log(2) / 2 = 0.347. The losses of the labeled half are 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.losses import DiceLoss, MaskedDiceLoss, MaskedLoss

print({name: version(name) for name in ("monai", "torch", "numpy")})
target = torch.zeros(1, 1, 8, 8)
target[..., :4, :4] = 1
logit = 40 * target - 20
logits = torch.cat([-logit, logit], 1)
mask = torch.ones_like(target)
mask[..., 4:] = 0
inside = (..., slice(4))

options = {"softmax": True, "to_onehot_y": True}
seen = {
    "dice, softmax": (MaskedDiceLoss(**options)(logits, target, mask), DiceLoss(**options)(logits[inside], target[inside])),
    "dice, sigmoid": (MaskedDiceLoss(sigmoid=True)(logit, target, mask), DiceLoss(sigmoid=True)(logit[inside], target[inside])),
    "cross-entropy": (
        MaskedLoss(torch.nn.BCEWithLogitsLoss)(logit, target, mask),
        torch.nn.BCEWithLogitsLoss()(logit[inside], target[inside]),
    ),
}
for name, (masked, cropped) in seen.items():
    print(f"{name}: {masked.item():.3f} with the mask, {cropped.item():.3f} of the labeled half")
values = [round(masked.item(), 3) for masked, _ in seen.values()]
if values != [0.25, 0.0, 0.347]:
    sys.exit("The behavior has changed: the losses with a mask are others.")
PY
