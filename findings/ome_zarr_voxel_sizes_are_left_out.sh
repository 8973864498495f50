#!/usr/bin/env bash
# ome-zarr's write_image leaves out the voxel size and the units that it is given: slices of 3 mm are 1 without a unit.
#
# Versions: ome-zarr 0.18.0, zarr 3.1.5, dask 2026.8.0, NumPy 2.2.6.
# Behavior: coordinate_transformations is not used, and of axes only the names are. A deprecation warning, which Python
#     does not show by default, says that the argument will be removed in a future version.
# Expected: what is given is in the file, as its description says, until the argument is gone; units as in the examples
#     of the specification, which are part of the axes.
# Seen: an image of 3 × 2 × 1 mm, written by the argument and dictionaries of axes as earlier versions had it: scale
#     1, 1, 1 and no unit. With the new arguments scale and axes_units 3, 2, 1 and millimeter. write_multiscale, which
#     has the old argument as well, writes 3, 2, 1 and the units.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 \
    zarr==3.1.5 numcodecs==0.16.6 dask==2026.8.0 ome-zarr==0.18.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ome_zarr.writer import write_image, write_multiscale

print({name: version(name) for name in ("ome-zarr", "zarr", "dask", "numpy")})
image = np.zeros((8, 16, 16), np.uint8)
axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
transformations = [[{"type": "scale", "scale": [3.0, 2.0, 1.0]}]]
units, sizes = dict.fromkeys("zyx", "millimeter"), {"z": 3.0, "y": 2.0, "x": 1.0}
old = {"axes": axes, "coordinate_transformations": transformations}
write_image(image, "old.zarr", scale_factors=[], **old)
write_image(image, "new.zarr", scale_factors=[], axes=list("zyx"), scale=sizes, axes_units=units)
write_multiscale([image], "multiscale.zarr", **old)
seen = {}
for name in ("old", "new", "multiscale"):
    entry = json.loads(Path(f"{name}.zarr/zarr.json").read_text())["attributes"]["ome"]["multiscales"][0]
    scale = entry["datasets"][0]["coordinateTransformations"][0]["scale"]
    seen[name] = (scale, [axis.get("unit") for axis in entry["axes"]])
    print(f"{name}: scale {scale}, units {seen[name][1]}")
right = ([3.0, 2.0, 1.0], ["millimeter"] * 3)
if seen["old"] != ([1.0, 1.0, 1.0], [None] * 3) or seen["new"] != right or seen["multiscale"] != right:
    sys.exit("The behavior has changed: the voxel sizes are others.")
PY
