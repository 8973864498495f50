#!/usr/bin/env bash
# ANTs' centroids of labels are not where the labels are.
#
# Versions: antspyx 0.6.3, NumPy 2.3.5, SciPy 1.15.3.
# Behavior: label_image_centroids runs through the voxels with the last axis first and through its tables of coordinates
#     with the first axis first: in a cube of voxels the axes are exchanged, in other images the numbers mean nothing.
#     The argument physical=True changes nothing.
# Expected: the middle of each label, in mm if physical is set, as get_center_of_mass gives it ("whether you want
#     physical space coordinates or not").
# Seen: a box whose middle is voxel (15, 3, 6.5) of 20 x 12 x 9, which is (40, 29, 56) mm by get_center_of_mass and by
#     label_stats: (9.1, 6.2, 8.7), with physical=True as without. In 20 x 20 x 20: (6.5, 3, 15).
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.15.3 antspyx==0.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import ants
import numpy as np

print({name: version(name) for name in ("antspyx", "numpy", "scipy")})


def rounded(values):
    return [round(float(value), 1) for value in values]


seen = {}
for shape in ((20, 12, 9), (20, 20, 20)):
    voxels = np.zeros(shape, np.float32)
    voxels[14:17, 2:5, 6:8] = 1
    label = ants.from_numpy(voxels, origin=(10.0, 20.0, 30.0), spacing=(2.0, 3.0, 4.0))
    ways = [ants.label_image_centroids(label, physical=physical)["vertices"][0] for physical in (False, True)]
    seen[shape] = [rounded(way) for way in ways]
    print(f"{shape}: middle at voxel {rounded(np.argwhere(voxels).mean(0))},")
    print(f"    at {rounded(ants.get_center_of_mass(label))} mm by get_center_of_mass;")
    print(f"    label_image_centroids {seen[shape][0]}, with physical=True {seen[shape][1]}")
if seen != {(20, 12, 9): [[9.1, 6.2, 8.7]] * 2, (20, 20, 20): [[6.5, 3.0, 15.0]] * 2}:
    sys.exit("The behavior has changed: the centroids are at another place.")
PY
