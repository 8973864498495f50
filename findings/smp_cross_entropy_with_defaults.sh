#!/usr/bin/env bash
# segmentation-models-pytorch's SoftCrossEntropyLoss fails with its own default arguments.
#
# Versions: segmentation-models-pytorch 0.6.0, PyTorch 2.14.1, torchvision 0.29.1, NumPy 2.4.6.
# Behavior: "drop-in replacement for torch.nn.CrossEntropyLoss with label smoothing", smooth_factor=None by default; a
#     call then divides None by the number of classes. With smooth_factor=0.0 it is the cross entropy.
# Expected: without a factor no smoothing, as SoftBCEWithLogitsLoss of the same package, whose default is None too.
# Seen: TypeError: unsupported operand type(s) for /: 'NoneType' and 'int'.
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
from segmentation_models_pytorch.losses import SoftBCEWithLogitsLoss, SoftCrossEntropyLoss

print({name: version(name) for name in ("segmentation-models-pytorch", "torch", "torchvision")})
torch.manual_seed(0)
logits, classes = torch.randn(2, 3, 8, 8), torch.randint(3, (2, 8, 8))
plain = torch.nn.functional.cross_entropy(logits, classes)
print(f"cross entropy {plain:.4f}, smooth_factor=0.0: {SoftCrossEntropyLoss(smooth_factor=0.0)(logits, classes):.4f}")
print(f"SoftBCEWithLogitsLoss(): {SoftBCEWithLogitsLoss()(logits[:, :1], (classes == 1).float()[:, None]):.4f}")
try:
    loss = SoftCrossEntropyLoss()(logits, classes)
except TypeError as error:
    print("SoftCrossEntropyLoss(): TypeError:", error)
else:
    sys.exit(f"The behavior has changed: without a factor the loss is {loss:.4f}.")
PY
