#!/usr/bin/env bash
# cellcutter cuts cells with the masks of other cells, from the second chunk of its file on.
#
# Versions: cellcutter 0.2.13, zarr 3.1.5, numcodecs 0.16.6, scikit-image 0.26.0, tifffile 2026.3.3, pandas 2.3.3.
# Behavior: thumbnails are written chunk by chunk. With --mask-cells, each chunk begins again with the mask of the very
#     first cell: of chunks of n cells, cell n + 1 gets the mask of cell 1. The masks that are saved beside the
#     thumbnails are right. By default a chunk has 32 MB: 2236 cells of 50 x 50 pixels and three channels of 16 bits.
# Expected: "Fill every pixel not occupied by the target cell with zeros", with any size of chunks, which is said to
#     influence performance.
# Seen: eight cells of 72 to 120 pixels, in one chunk: all of them as large as in the segmentation. In chunks of four
#     the last four have 72, 96, 112, 120 pixels instead of 120, 112, 96, 72.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 numcodecs==0.16.6 zarr==3.1.5 \
    tifffile==2026.3.3 pandas==2.3.3 scikit-image==0.26.0 cellcutter==0.2.13
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import tifffile
import zarr
from cellcutter.cli import cut

names = ("cellcutter", "zarr", "numcodecs", "scikit-image", "tifffile", "pandas")
print({name: version(name) for name in names})
mask = np.zeros((60, 200), np.uint16)
cells = []
for cell in range(8):
    y, x = 30, 12 + 24 * cell
    mask[y - 2 - cell:y + 2 + cell, x - 9 + cell:x + 9 - cell] = cell + 1
    cells.append((cell + 1, x, y))
sizes = [int((mask == number).sum()) for number, _, _ in cells]
tifffile.imwrite("image.tif", np.full((1, 60, 200), 100, np.uint16))
tifffile.imwrite("mask.tif", mask)
pd.DataFrame(cells, columns=["CellID", "X_centroid", "Y_centroid"]).to_csv("cells.csv", index=False)
print(f"in the segmentation: {sizes} pixels")
seen = {}
for chunk in (8, 4):
    cut(["image.tif", "mask.tif", "cells.csv", "cut.zarr", "--force", "--mask-cells", "--window-size", "20",
              "--cells-per-chunk", str(chunk)])
    thumbnails = zarr.open("cut.zarr", mode="r")[0]
    seen[chunk] = [int(np.count_nonzero(thumbnail)) for thumbnail in thumbnails]
    print(f"in chunks of {chunk}: {seen[chunk]} pixels")
if seen != {8: sizes, 4: sizes[:4] * 2} or sizes[:4] == sizes[4:]:
    sys.exit("The behavior has changed: the cells have other pixels.")
PY
