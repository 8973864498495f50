#!/usr/bin/env bash
# torch-topological's p-norm of a persistence diagram is always made of squares.
#
# Versions: torch-topological 0.1.9, PyTorch 2.13.0, POT 0.9.6.post1, gudhi 3.11.0, NumPy 2.2.6.
# Behavior: p_norm, also as SummaryStatisticLoss("p_norm", p=...), takes the root of order p of a sum of squared lengths;
#     its p is not handed to the sum. Only p = 2 is a norm: for others twice the lengths are not twice the value.
# Expected: bars of the lengths 3 and 4 have 7 for p = 1, 5 for p = 2 and 4.4979 for p = 3.
# Seen: 25, 5 and 2.924.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
  numpy==2.2.6 torch==2.13.0 pot==0.9.6.post1 gudhi==3.11.0 giotto-ph==0.2.4 matplotlib==3.10.7 torch-topological==0.1.9
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from torch_topological.utils.summary_statistics import p_norm

print({name: version(name) for name in ("torch-topological", "torch", "pot", "gudhi", "numpy")})

bars = torch.tensor([[0.0, 3.0], [1.0, 5.0]])
seen = {p: round(float(p_norm(bars, p=p)), 4) for p in (1, 2, 3)}
right = {p: round(float((3**p + 4**p) ** (1 / p)), 4) for p in seen}
print("p_norm", seen, "by its formula", right)
if seen != {1: 25.0, 2: 5.0, 3: 2.924}:
    sys.exit("The behavior has changed: the norms are others.")
PY
