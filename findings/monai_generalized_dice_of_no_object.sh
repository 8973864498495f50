#!/usr/bin/env bash
# MONAI's generalized Dice loss of an image without the object is 0, whatever is predicted.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: a class that is not in the label has an infinite weight, which is replaced by the largest weight of the
#     other classes. If no class that counts is in the label (one channel, or the background left out), the largest
#     weight is 0, all weights are, and what remains of the loss are the two smoothing terms: 1 - 1e-5 / 1e-5 = 0. With
#     w_type="uniform" the loss is 1; with batch=True it is 0 if the whole batch is empty.
# Expected: near 1 where everything is predicted and nothing is there, as DiceLoss gives. The documentation does not
#     tell of labels without objects; MONAI's score of the same name is 0 (its issue 4510, of 2022), which agrees.
# Seen: 64 of 64 pixels wrongly predicted: 0 with weights "square" (the default) and "simple", 1 with "uniform" and from
#     DiceLoss; likewise of three classes without the background, and with probabilities of 0.5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.losses import DiceLoss, GeneralizedDiceLoss
from monai.metrics import compute_generalized_dice

print({name: version(name) for name in ("monai", "torch", "numpy")})
nothing = torch.zeros(1, 1, 8, 8)
classes = torch.zeros(1, 3, 8, 8)
classes[:, 0] = 1
wrong = torch.zeros(1, 3, 8, 8)
wrong[:, 1] = 1


def losses(loss, prediction, label):
    """Of wrong predictions that are certain, and of such that are not."""
    return [round(loss(share * prediction, label).item(), 4) for share in (1, 0.5)]


seen = {}
for name in ("square", "simple", "uniform"):
    one = GeneralizedDiceLoss(w_type=name)
    three = GeneralizedDiceLoss(w_type=name, include_background=False)
    seen[name] = losses(one, 1 - nothing, nothing), losses(three, wrong, classes)
seen["DiceLoss"] = losses(DiceLoss(), 1 - nothing, nothing)
for name, values in seen.items():
    print(f"{name}: {values}")
score = compute_generalized_dice(1 - nothing, nothing).item()
print(f"MONAI's score of the same prediction: {score}")
as_described = seen["square"] == seen["simple"] == ([0.0, 0.0], [0.0, 0.0])
as_described &= seen["uniform"] == ([1.0, 1.0], [1.0, 1.0]) and seen["DiceLoss"] == [1.0, 1.0] and score == 0
sys.exit(0 if as_described else "The behavior has changed: an object that is not there costs something.")
PY
