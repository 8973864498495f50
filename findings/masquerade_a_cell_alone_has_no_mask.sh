#!/usr/bin/env bash
# masquerade-spatial draws no mask for a cluster of one cell, and says nothing.
#
# Versions: masquerade-spatial 0.1.2, NumPy 2.2.6, pandas 2.3.3.
# Behavior: only clusters with more than one row are drawn. The table of the cells and the number of channels differ.
# Expected: a channel for every cluster: which cells there are is what the masks are to show, also of rare ones.
# Seen: three T cells, two B cells and one mast cell: channels for T and B cells, none for the mast cell. With a second
#     mast cell there is one with two disks.
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

print({name: version(name) for name in ("masquerade-spatial", "numpy", "pandas")})
tifffile.imwrite("image.tif", np.zeros((5, 200, 200), np.uint8), photometric="minisblack")
names = ["T cell"] * 3 + ["B cell"] * 2 + ["mast cell"] * 2
cells = pd.DataFrame({"x": [30, 60, 90, 120, 150, 40, 80], "y": [40, 40, 40, 90, 90, 140, 140], "cluster": names})
seen = {}
for rows in (6, 7):
    cells[:rows].to_csv("cells.csv", index=False)
    tool = Masquerade()
    tool.image_source, tool.spatial_anno, tool.adjust_coords = "image.tif", "cells.csv", False
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        image, xs, ys, table = tool.PreProcessImage()
        channels = tool.get_circle_masks(image, table, xs, ys)
    seen[rows] = sorted(channels)
    print(cells[:rows]["cluster"].value_counts().to_dict(), "channels", seen[rows])
if len(seen[6]) != 2 or len(seen[7]) != 3:
    sys.exit("The behavior has changed: other cells have masks.")
PY
