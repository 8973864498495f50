#!/usr/bin/env bash
# TorchMetrics' generalized Dice of an image depends on its place in the batch.
#
# Versions: TorchMetrics 1.9.0, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the weight of a class that is not in an image is infinite and is replaced by the largest one of its class in
#     the batch; but these weights are laid out class after class, while they are read image after image. Which class's
#     weight an image gets is decided by how many images the batch has and which of them it is. In a batch of its own
#     the weight is 0, and pixels wrongly taken for that class cost nothing.
# Expected: one score per image, and the mean of them; the documentation's formula has the voxels of that image alone.
# Seen: an image of which 5 pixels are wrongly of class 2, alone: 0.99; as the first of three images 0.96, as the second
#     0.89, as the third 0.67. Without the background it is perfect (1.0) alone and 0.86 ... 0.62 in a batch. The mean
#     of GeneralizedDiceScore over the same images is 0.95 in batches of one, 0.94, 0.91 or 0.84 in one batch.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 torchmetrics==1.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from torchmetrics.functional.segmentation import generalized_dice_score
from torchmetrics.segmentation import GeneralizedDiceScore

print({name: version(name) for name in ("torchmetrics", "torch", "numpy")})
target = torch.zeros(3, 10, 10, dtype=torch.long)
target[0, :5, :5] = 1
target[1, :5], target[1, 9] = 1, 2
target[2, :2], target[2, 5:7] = 1, 2
predicted = target.clone()
predicted[0, 8, :5] = 2
predicted[1, 5] = 1
predicted[2, 2] = 1


def of_the_first(order, include_background):
    scores = generalized_dice_score(predicted[order], target[order], 3, include_background, input_format="index")
    return round(scores[order.index(0)].item(), 2)


seen = {}
for order in ([0], [0, 1, 2], [1, 0, 2], [1, 2, 0]):
    whole = GeneralizedDiceScore(num_classes=3, input_format="index")
    whole.update(predicted[order], target[order])
    seen[tuple(order)] = [of_the_first(order, background) for background in (True, False)]
    print(f"batch of images {order}: of image 0 {seen[tuple(order)]} (with and without background),", end=" ")
    print(f"mean {whole.compute():.2f}")
singly = GeneralizedDiceScore(num_classes=3, input_format="index")
for image in range(3):
    singly.update(predicted[[image]], target[[image]])
print(f"mean of the three in batches of one: {singly.compute():.2f}")
scores = {(0,): [0.99, 1.0], (0, 1, 2): [0.96, 0.86], (1, 0, 2): [0.89, 0.62], (1, 2, 0): [0.67, 0.62]}
sys.exit(0 if seen == scores else "The behavior has changed.")
PY
