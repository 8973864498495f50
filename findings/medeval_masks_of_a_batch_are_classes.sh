#!/usr/bin/env bash
# medeval takes the masks of a batch for the channels of one image: masks that share no pixel have Dice 0.76, Jaccard 1.
#
# Versions: medeval 0.1.7, PyTorch 2.13.0, NumPy 2.4.6, scikit-learn 1.9.1.
# Behavior: "Binary mask: (B, ...) or (B, 1, ...) with values 0/1". Masks of shape (B, H, W) get a dimension in front;
#     from two of them on B counts as the number of classes, and a pixel is of the class of the first image that has the
#     object there, or of class 0 where none has. Of (B, 1, H, W) and of one mask alone the result is right.
# Expected: the mean over the masks, in both shapes.
# Seen: half of the object, in each image: Dice 0.667 of one mask, 0.040 of two and 0.764 of eight. An object elsewhere:
#     Dice 0.0, 0.040 and 0.764, Jaccard 0.0, 1.0 and 1.0. As (B, 1, H, W) always 0.667, and 0.0 for both.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 medeval==0.1.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from medeval.metrics.segmentation import dice_score, jaccard_index

print({name: version(name) for name in ("medeval", "torch", "numpy", "scikit-learn")})
seen = {}
for count in (1, 2, 8):
    truth = torch.zeros(count, 16, 16, dtype=torch.int64)
    truth[:, 1:7, 1:7] = 1
    half, elsewhere = truth.clone(), torch.zeros_like(truth)
    half[:, 1:4] = 0
    elsewhere[:, 9:15, 9:15] = 1
    for name, result in (("half of the object", half), ("an object elsewhere", elsewhere)):
        scores = []
        for shape in ((count, 16, 16), (count, 1, 16, 16)):
            for metric in (dice_score, jaccard_index):
                scores.append(round(float(metric(result.reshape(shape), truth.reshape(shape))), 3))
        seen[name, count] = scores
        print(f"{count} masks, {name}: (B, H, W) Dice {scores[0]}, Jaccard {scores[1]}; (B, 1, H, W) {scores[2:]}")
expected = {
    ("half of the object", 1): [0.667, 0.5, 0.667, 0.5],
    ("an object elsewhere", 1): [0.0, 0.0, 0.0, 0.0],
    ("half of the object", 2): [0.04, 1.0, 0.667, 0.5],
    ("an object elsewhere", 2): [0.04, 1.0, 0.0, 0.0],
    ("half of the object", 8): [0.764, 1.0, 0.667, 0.5],
    ("an object elsewhere", 8): [0.764, 1.0, 0.0, 0.0],
}
if seen != expected:
    sys.exit("The behavior has changed: the scores are others.")
PY
