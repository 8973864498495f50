#!/usr/bin/env bash
# torch-topological's Wasserstein distance takes the maximum norm between points, whatever its p.
#
# Versions: torch-topological 0.1.9, PyTorch 2.13.0, POT 0.9.6.post1, gudhi 3.11.0, NumPy 2.2.6.
# Behavior: WassersteinDistance(p=2) measures the way of a point to the diagonal in the norm p, and from a point of one
#     persistence diagram to a point of the other in the maximum norm. So moving a feature is cheaper than it should be
#     against losing it, and a loss of topology is smaller. No warning.
# Expected: {(0, 10)} and {(3, 14)} are 5 apart for p = 2, as in gudhi (internal_p=2).
# Seen: 4, the same as for p = inf.
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
from math import inf

import numpy as np
import torch
from gudhi.wasserstein import wasserstein_distance
from torch_topological.nn import PersistenceInformation, WassersteinDistance

print({name: version(name) for name in ("torch-topological", "torch", "pot", "gudhi", "numpy")})

one, other = ([[0.0, 10.0]], [[3.0, 14.0]])
diagrams = [PersistenceInformation(torch.zeros(1, 2), torch.tensor(points), 0) for points in (one, other)]
seen = {p: round(float(WassersteinDistance(p=p, q=1)([diagrams[0]], [diagrams[1]])), 4) for p in (2, inf)}
other_library = float(wasserstein_distance(np.array(one), np.array(other), order=1, internal_p=2))
print("torch-topological", seen, "gudhi, p = 2:", round(other_library, 4))
if seen != {2: 4.0, inf: 4.0} or abs(other_library - 5) > 1e-6:
    sys.exit("The behavior has changed: the distances are others.")
PY
