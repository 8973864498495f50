#!/usr/bin/env bash
# The focal Tversky losses of unified-focal-loss-pytorch are the share of wrong pixels: a missed object costs 0.01.
#
# Versions: unified-focal-loss-pytorch 0.1.2, PyTorch 2.13.0, einops 0.8.2.
# Behavior: in SymmetricFocalTverskyLoss and AsymmetricFocalTverskyLoss, which are one half of the two unified focal
#     losses, the Tversky index is that of each pixel and class, not that of each class in the image. Of hard
#     predictions the loss is the share of pixels that are wrong; a small object counts as little as its size, and
#     delta, which "controls weight given to false positive and false negatives", has no effect. TverskyLoss and
#     FocalTverskyLoss of the same package are those of the classes.
# Expected: half a loss where one of two classes is missed, whatever its size, which these losses are made for.
# Seen: an object of 1 % of the image that is missed: TverskyLoss 0.50, SymmetricFocalTverskyLoss and
#     AsymmetricFocalTverskyLoss 0.01, for delta 0.3 and 0.9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 einops==0.8.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps unified-focal-loss-pytorch==0.1.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from unified_focal_loss import losses

print({name: version(name) for name in ("unified-focal-loss-pytorch", "torch", "einops")})
truth = torch.zeros(1, 100, 100, dtype=torch.long)
truth[:, 40:50, 40:50] = 1
nothing = torch.stack([torch.ones(1, 100, 100), torch.zeros(1, 100, 100)], 1)
seen = {}
for name in ("TverskyLoss", "FocalTverskyLoss", "SymmetricFocalTverskyLoss", "AsymmetricFocalTverskyLoss"):
    seen[name] = [round(float(getattr(losses, name)(delta=delta)(nothing, truth)), 2) for delta in (0.3, 0.9)]
    print(f"{name} of a missed object, delta 0.3 and 0.9: {seen[name]}")
if list(seen.values()) != [[0.5, 0.5], [0.51, 0.5], [0.01, 0.01], [0.01, 0.01]]:
    sys.exit("The behavior has changed: the losses are others.")
PY
