#!/usr/bin/env bash
# The BoundaryScoreLoss of segloss makes background of pixels that are to be ignored, in the labels of its caller, too.
#
# Versions: segloss 0.0.1, PyTorch 2.14.1, torchvision 0.29.1.
# Behavior: pixels of ignore_index are set to class 0 at the start, in the tensor that was handed over. They count like
#     all others, and whatever uses the labels after this loss sees no pixel without a label any more.
# Expected: "label index to ignore": what is predicted there changes nothing, and the labels stay as they are.
# Seen: a prediction that is right wherever there is a label: a loss of 0.31 if it says background where there is none,
#     0.63 if it says object. Of 192 pixels without a label none is left after the call.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.14.1 torchvision==0.29.1 numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps segloss==0.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys
from importlib.metadata import version

import torch
from segloss import BoundaryScoreLoss

print({name: version(name) for name in ("segloss", "torch", "torchvision")})
labels = torch.zeros(1, 1, 32, 32, dtype=torch.long)
labels[:, :, 8:20, 8:20] = 1
labels[..., -6:] = 255
seen = {}
for name, there in {"background": 0, "object": 1}.items():
    classes = labels[:, 0].clone()
    classes[classes == 255] = there
    logits = 20 * torch.nn.functional.one_hot(classes, 2).movedim(-1, 1).float() - 10
    targets = labels.clone()
    loss = float(BoundaryScoreLoss(ignore_index=255)(logits, targets))
    seen[name] = round(loss, 2), int((targets == 255).sum())
    print(f"{name} where there is no label: loss {seen[name][0]}, pixels without a label left: {seen[name][1]}")
print("pixels without a label before:", int((labels == 255).sum()))
if seen != {"background": (0.31, 0), "object": (0.63, 0)}:
    print("The behavior has changed: the losses are others.")
    sys.exit(1)
PY
