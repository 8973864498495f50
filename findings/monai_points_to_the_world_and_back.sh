#!/usr/bin/env bash
# MONAI's points go to the world and do not come back.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: ApplyTransformToPoints leaves with its result the inverse of what it applied, and takes what comes with its
#     input for what was applied. Its own points in the world, given back to it, are taken through the inverse twice; so
#     they are by the transform's inverse. The same numbers without what comes with them are right.
# Expected: the points that one began with: "automatically handling inverse transformations between image space and
#     world space".
# Seen: voxel (1, 2, 3) of an image of 2 x 3 x 4 mm is (12, -14, 42) in the world, which is right, and comes back as
#     (-4.5, 7.3, -6.8), through the inverse of the transform as well; as a plain tensor it is (1, 2, 3).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.data import MetaTensor
from monai.transforms import ApplyTransformToPointsd

print({name: version(name) for name in ("monai", "torch", "numpy")})
affine = torch.tensor([[2.0, 0, 0, 10], [0, 3, 0, -20], [0, 0, 4, 30], [0, 0, 0, 1]], dtype=torch.float64)
image = MetaTensor(torch.zeros(1, 6, 5, 4), affine=affine)
voxel = torch.tensor([[[1.0, 2, 3]]], dtype=torch.float64)
to_world, to_image = (ApplyTransformToPointsd("points", refer_keys="image", invert_affine=way) for way in (False, True))


def rounded(data):
    return [round(value, 1) for value in data["points"].flatten().tolist()]


world = to_world({"image": image, "points": voxel})
plain = {"image": image, "points": torch.tensor(world["points"].tolist(), dtype=torch.float64)}
seen = {
    "in the world": rounded(world),
    "and back": rounded(to_image({"image": image, "points": world["points"]})),
    "by the inverse": rounded(to_world.inverse({"image": image, "points": world["points"]})),
    "as a plain tensor": rounded(to_image(plain)),
}
for name, point in seen.items():
    print(f"{name}: {point}")
wrong = [-4.5, 7.3, -6.8]
if list(seen.values()) != [[12.0, -14.0, 42.0], wrong, wrong, [1.0, 2.0, 3.0]]:
    sys.exit("The behavior has changed: the point is at another place.")
PY
