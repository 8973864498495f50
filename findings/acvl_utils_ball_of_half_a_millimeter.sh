#!/usr/bin/env bash
# The ball of acvl_utils has a radius that was rounded to whole millimeters before it is divided by the spacing.
#
# Versions: acvl_utils 0.2.6, NumPy 2.4.6, scikit-image 0.26.0, connected-components-3d 3.29.0.
# Behavior: generate_ball rounds the radius (to the even number, if two are as near) and divides by the spacing then, so
#     the same ball is another one in other units. A radius of up to 0.5 becomes 0: the ball is one voxel. The functions
#     that turn instances into a border and a core (nnU-Net's way to segment instances) pass their border through it.
# Expected: the radius by the spacing, then rounded: "a radius of 10 with a spacing of 5 will result in a ball with
#     radius 2 pixels".
# Seen: 0.4 mm with voxels of 0.1 mm: 1 voxel; 400 and 100 (micrometers), which is the same: 257 voxels, a radius of 4.
#     1.5 and 2.5 mm with voxels of 0.5 mm: the same ball of radius 4, where 3 and 5 were asked for.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scikit-image==0.26.0 \
    connected-components-3d==3.29.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps acvl_utils==0.2.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from acvl_utils.morphology.morphology_helper import generate_ball

print({name: version(name) for name in ("acvl_utils", "numpy", "scikit-image", "connected-components-3d")})
seen = {}
for radius, spacing in ((10, 5), (0.4, 0.1), (400, 100), (1.5, 0.5), (2.5, 0.5)):
    ball = generate_ball([radius] * 3, [spacing] * 3)
    seen[radius, spacing] = (ball.shape[0] - 1) // 2
    asked = round(radius / spacing, 3)
    print(f"radius {radius}, spacing {spacing}: {seen[radius, spacing]} voxels, asked for {asked}; {ball.sum()} in all")
if list(seen.values()) != [2, 0, 4, 4, 4]:
    sys.exit("The behavior has changed: the balls have other radii.")
PY
