#!/usr/bin/env bash
# ome-zarr halves an image that is to be smaller by a factor of 4, or 3, or 16.
#
# Versions: ome-zarr 0.18.0, zarr 3.1.5, dask 2026.8.0, NumPy 2.2.6.
# Behavior: of a list of whole numbers as scale_factors only the length counts: the levels are smaller by 2, 4, 8 and so
#     on, whatever the numbers are, without a warning. Lists of factors by axis are used as they are.
# Expected: "the downsampling factors for each pyramid level".
# Seen: 64 x 96 pixels with scale_factors=[4, 16]: levels of 32 x 48 and 16 x 24, and scales of 2 and 4 in the metadata.
#     With [{"y": 4, "x": 4}, {"y": 16, "x": 16}]: 16 x 24 and 4 x 6. With [3]: 32 x 48.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 \
    zarr==3.1.5 numcodecs==0.16.6 dask==2026.8.0 ome-zarr==0.18.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import zarr
from ome_zarr.writer import write_image

print({name: version(name) for name in ("ome-zarr", "zarr", "dask", "numpy")})
seen = {}
for factors in ([2, 4], [4, 16], [3], [{"y": 4, "x": 4}, {"y": 16, "x": 16}]):
    name = str(factors)
    write_image(np.zeros((64, 96), np.uint8), zarr.open_group("image.zarr", mode="w"), axes="yx", scale_factors=factors)
    levels = zarr.open_group("image.zarr", mode="r")
    datasets = levels.attrs["ome"]["multiscales"][0]["datasets"]
    seen[name] = [levels[one["path"]].shape for one in datasets[1:]]
    scales = [one["coordinateTransformations"][0]["scale"][-1] for one in datasets[1:]]
    print(f"{name}: levels of {seen[name]}, scales {scales}")
halves = [(32, 48), (16, 24)]
if list(seen.values()) != [halves, halves, halves[:1], [(16, 24), (4, 6)]]:
    sys.exit("The behavior has changed: the levels have other sizes.")
PY
