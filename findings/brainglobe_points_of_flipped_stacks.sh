#!/usr/bin/env bash
# brainglobe-space maps a landmark to the voxel next to the one that its stack has it in, once an axis is flipped.
#
# Versions: brainglobe-space 1.0.3, NumPy 2.4.6, SciPy 1.17.1.
# Behavior: along an axis of n voxels that is flipped, a point at i comes to n - i, while the voxel i of the stack comes
#     to n - 1 - i. The first voxel comes to n, which is outside of the stack. Axes that are not flipped are right, so
#     points are off by one voxel along some axes only.
# Expected: indices of voxels in, indices of voxels out: the description of the package maps the points (0, 0, 0) and
#     (2, 1, 3) of a stack of 3 x 2 x 4 voxels together with the stack.
# Seen: the only bright voxel at (2, 5, 7) of a stack in "asl": mapped to "pir", the stack has it at (7, 14, 22), the
#     point is (8, 15, 23).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 brainglobe-space==1.0.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from brainglobe_space import AnatomicalSpace

print({name: version(name) for name in ("brainglobe-space", "numpy", "scipy")})
stack = np.zeros((10, 20, 30))
stack[2, 5, 7] = 1
space = AnatomicalSpace("asl", stack.shape)
seen = {}
for target in ("asl", "sla", "pir"):
    voxel = np.argwhere(space.map_stack_to(target, stack))[0]
    point = space.map_points_to(target, [2, 5, 7])[0]
    seen[target] = voxel.tolist(), point.astype(int).tolist()
    print(f"{target}: in the stack at {seen[target][0]}, as a point at {seen[target][1]}")
if seen != {"asl": ([2, 5, 7],) * 2, "sla": ([5, 7, 2],) * 2, "pir": ([7, 14, 22], [8, 15, 23])}:
    sys.exit("The behavior has changed: points or voxels are elsewhere.")
PY
