#!/usr/bin/env bash
# MONAI's VoteEnsemble gives a pixel on which annotators disagree no class at all, or the lowest: by the form of the masks.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: for one-hot masks the votes are averaged and rounded for each channel; one third rounds to 0 in each, so the
#     result is not one-hot. For masks of class indices the same votes give the lowest class.
# Expected: the same answer for the same votes; one-hot masks in, a one-hot mask out.
# Seen: three masks that say class 1, 2 and 3 of four: [0, 0, 0, 0] from one-hot masks, class 1 from indices.
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
from monai.transforms import VoteEnsemble

print({name: version(name) for name in ("monai", "torch", "numpy")})
votes = [torch.full((1, 1, 1), float(index)) for index in (1, 2, 3)]
one_hot = [torch.eye(4)[index].reshape(4, 1, 1) for index in (1, 2, 3)]
from_indices = int(VoteEnsemble(num_classes=4)(votes).item())
from_one_hot = VoteEnsemble()(one_hot).flatten().tolist()
print("class indices:", from_indices, "one-hot:", from_one_hot)
if from_indices != 1 or any(from_one_hot):
    sys.exit("The behavior has changed: the two forms are decided otherwise.")
PY
