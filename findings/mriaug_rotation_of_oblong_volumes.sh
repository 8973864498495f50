#!/usr/bin/env bash
# mriaug rotates volumes as if they were cubes: after 90 degrees an object of 4 x 20 pixels has 6 x 12.
#
# Versions: mriaug 0.1.1, PyTorch 2.13.0, resize-right 0.0.2, NumPy 2.4.6.
# Behavior: rotate3d rotates the coordinates of the volume from -1 to 1, which are of another length along each axis
#     unless the volume is a cube. Objects are stretched along one axis and pressed along the other, by 90 degrees about
#     the ratio of the two sides.
# Expected: a rotation, which keeps sizes; stretching is what zoom3d and shear3d are for.
# Seen: a bar of 4 x 20 x 4 voxels. In a volume of 60 x 60 x 60 it is 4 x 4 x 20 after 90 degrees. In one of 20 x 60 x
#     20, as of thick slices, 4 x 12 x 6 instead.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 resize-right==0.0.2 mriaug==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from mriaug import rotate3d

print({name: version(name) for name in ("mriaug", "torch", "resize-right", "numpy")})
seen = {}
for shape in ((60, 60, 60), (20, 60, 20)):
    middle = [size // 2 for size in shape]
    bar = torch.zeros(1, 1, *shape)
    bar[..., middle[0] - 2 : middle[0] + 2, 20:40, middle[2] - 2 : middle[2] + 2] = 1
    for axis in range(3):
        angles = torch.zeros(1, 3)
        angles[0, axis] = torch.pi / 2
        rotated = rotate3d(bar, angles, mode="nearest")[0, 0]
        where = rotated.nonzero()
        seen[shape, axis] = (where.max(0).values - where.min(0).values + 1).tolist()
        print(f"volume of {shape}, by 90 degrees around axis {axis}: 4 x 20 x 4 voxels are now {seen[shape, axis]}")
expected = {
    ((60, 60, 60), 0): [20, 4, 4],
    ((60, 60, 60), 1): [4, 20, 4],
    ((60, 60, 60), 2): [4, 4, 20],
    ((20, 60, 20), 0): [6, 12, 4],
    ((20, 60, 20), 1): [4, 20, 4],
    ((20, 60, 20), 2): [4, 12, 6],
}
if seen != expected:
    sys.exit("The behavior has changed: the bar has another size.")
PY
