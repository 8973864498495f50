#!/usr/bin/env bash
# pywick's soft Dice loss is -1 where an image without the object is predicted empty, and 0 for a perfect object.
#
# Versions: pywick 0.6.5, PyTorch 2.13.0, NumPy 2.2.6.
# Behavior: SoftDiceLoss adds its smoothing of 1 to the overlap before it is doubled, so of nothing the score is 2, and
#     the smaller an object the further above 1. WeightedSoftDiceLoss does the same. A batch with images without a
#     lesion looks better than one of lesions that are all found.
# Expected: 0 for a perfect prediction, as (2 * overlap + 1) / (sum + 1) gives for both.
# Seen: -1.0 for nothing that is predicted as nothing, -0.1111 for an object of 4 pixels, -0.0025 of 200.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 torch==2.13.0 scipy==1.15.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pywick==0.6.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import ast
import importlib.util
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

print({name: version(name) for name in ("pywick", "torch", "numpy")})

file = Path(importlib.util.find_spec("pywick").submodule_search_locations[0], "losses.py")
found = [node for node in ast.parse(file.read_text()).body if getattr(node, "name", "") == "SoftDiceLoss"]
names = {"nn": nn, "torch": torch}  # the module imports much that this class does not need
exec(compile(ast.Module(found, []), str(file), "exec"), names)
loss = names["SoftDiceLoss"]()
seen = []
for pixels in (0, 4, 200):
    label = (torch.arange(400) < pixels).float().view(1, 1, 20, 20)
    seen.append(round(float(loss(200 * label - 100, label)), 4))
    print(f"perfect prediction of {pixels} pixels: loss {seen[-1]}")
if seen != [-1.0, -0.1111, -0.0025]:
    sys.exit("The behavior has changed: the losses are others.")
PY
