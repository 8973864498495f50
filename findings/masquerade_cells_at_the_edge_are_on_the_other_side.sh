#!/usr/bin/env bash
# masquerade-spatial draws what of a cell lies beyond the left or upper edge at the right or lower edge of its mask.
#
# Versions: masquerade-spatial 0.1.2, NumPy 2.2.6, pandas 2.3.3.
# Behavior: disks are cut at the right and the bottom, but not at the left and the top. Places less one are used as
#     indices, and negative ones count from the other end. As images are cropped to the middles of the outermost cells,
#     there is always such a cell.
# Expected: the disk of a cell at an edge is cut off there.
# Seen: three cells of radius 10, cropped to 160 × 100 pixels by the first and the last one: five pieces. The first cell,
#     in the upper left corner, is drawn in the upper right and in the lower left corner, too.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 tifffile==2025.5.10 imagecodecs==2025.3.30 matplotlib==3.10.8 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps masquerade-spatial==0.1.2
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import tifffile
from masquerade import Masquerade
from scipy import ndimage

print({name: version(name) for name in ("masquerade-spatial", "numpy", "pandas")})
tifffile.imwrite("image.tif", np.zeros((5, 200, 200), np.uint8), photometric="minisblack")
cells = pd.DataFrame({"x": [20, 100, 180], "y": [50, 100, 150], "cluster": ["T cell"] * 3})
cells.to_csv("cells.csv", index=False)
tool = Masquerade()
tool.image_source, tool.spatial_anno, tool.radius = "image.tif", "cells.csv", 10
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    image, xs, ys, table = tool.PreProcessImage()
    mask = tool.get_circle_masks(image, table, xs, ys)["T cell_mask-expanded"]
pieces, number = ndimage.label(mask)
middles = [tuple(round(float(v)) for v in ndimage.center_of_mass(pieces == i)[::-1]) for i in range(1, number + 1)]
print("mask", mask.shape[::-1], "cells at", [(x - 20, y - 50) for x, y in zip(cells["x"], cells["y"])])
print(f"{number} pieces, their middles", middles)
if number != 5 or not mask[0, 0] or not mask[0, -1] or not mask[-1, 0]:
    sys.exit("The behavior has changed: the pieces are others.")
PY
