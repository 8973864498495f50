#!/usr/bin/env bash
# MONAI's MixUp of integer masks is their intersection, and of Boolean masks their union, whatever the weights.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: images and labels are mixed with the same weights, and the result is cast back to the type that went in. Of
#     uint8 and int64 what is below 1 becomes 0, so that a pixel stays foreground only if both masks have it; of bool
#     whatever is not 0 becomes True. With a weight of 0.99, where the image is nearly its own, the mask is still the
#     intersection with another patient's. Of three classes, 2 mixed with 0 becomes 1 or 0: another class. There is no
#     warning. With float masks it is as it should be.
# Expected: mixed labels are float, as those of MixUp's paper are, or labels that cannot be mixed are refused.
# Seen: two masks of 20 pixels with 8 in common, a hundred mixtures that exchange them: 8 and 8 pixels from uint8 and
#     int64, 32 and 32 from bool, in every mixture. From float32 the sum stays 20.
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
from monai.transforms import MixUp

print({name: version(name) for name in ("monai", "torch", "numpy")})
MIXTURES = 100
masks = torch.zeros(2, 1, 8, 8)
masks[0, :, 2:6, :5] = 1
masks[1, :, 2:6, 3:] = 1
print("pixels:", masks.sum((1, 2, 3)).tolist(), "in common:", int(masks.prod(0).sum()))


def mixtures(kind):
    """Sums of both masks after each mixture that exchanges the two, and the largest weight of a mask's own image."""
    mix = MixUp(batch_size=2)
    mix.set_random_state(0)
    sums, weights = set(), []
    while len(weights) < MIXTURES:
        mixed = mix(masks.to(kind))
        weight, order, _ = mix._params
        if list(order) == [1, 0]:
            sums.add(tuple(round(float(mask.sum()), 3) for mask in mixed))
            weights.append(float(weight.max()))
    return sums, round(max(weights), 3)


seen = {}
for kind in (torch.uint8, torch.int64, torch.bool, torch.float32):
    seen[kind], largest = mixtures(kind)
    print(f"{kind}: sums {seen[kind]}, the largest weight was {largest}")
as_described = seen[torch.uint8] == seen[torch.int64] == {(8.0, 8.0)}
as_described &= seen[torch.bool] == {(32.0, 32.0)} and seen[torch.float32] == {(20.0, 20.0)}
sys.exit(0 if as_described else "The behavior has changed.")
PY
