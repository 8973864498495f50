#!/usr/bin/env bash
# cellpose-quantification gives the centroid of a cell in an image that was turned by 90 degrees.
#
# Versions: cellpose-quantification 0.3.0, scikit-image 0.26.0, pandas 2.3.3, NumPy 2.2.6.
# Behavior: masks are turned clockwise before their properties are measured. In the table centroid-0 is the column of a
#     cell, and centroid-1 its distance from the lowest row; where images are not square it can lie outside of them.
#     The table does not say so; the intensities are those of the mask as it is.
# Expected: centroid-0 and centroid-1 are row and column, as regionprops_table names them.
# Seen: a cell in the middle of row 12 and column 35 of an image of 100 x 120 pixels: 35 and 87.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 \
    pandas==2.3.3 opencv-python-headless==4.11.0.86 tifffile==2026.3.3 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cellpose-quantification==0.3.0
mkdir "$work/images" "$work/masks"
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import tifffile

mask = np.zeros((100, 120), np.uint16)
mask[10:15, 30:41] = 1
tifffile.imwrite("masks/cells.tif", mask)
tifffile.imwrite("images/cells.tif", np.stack([mask * 7, mask * 9]))
PY
echo "dapi,actin" > markers.csv
"$work/venv/bin/python" -W ignore - <<'PY' 2>/dev/null
import sys
from importlib.metadata import version

import pandas as pd
import tifffile
from cellpose_quantification import quantification
from skimage.measure import regionprops_table

print({name: version(name) for name in ("cellpose-quantification", "scikit-image", "pandas", "numpy")})
quantification.run("images", "masks", "markers.csv", None)
table = pd.read_csv("cell_intensity_results.csv")
seen = table[["centroid-0", "centroid-1"]].values.tolist()[0]
rows = regionprops_table(tifffile.imread("masks/cells.tif"), properties=["centroid"])
print(f"centroid-0, centroid-1 of the table: {seen}, dapi {table['dapi'][0]}, actin {table['actin'][0]}")
print("of regionprops_table:", [float(rows[name][0]) for name in ("centroid-0", "centroid-1")])
if seen != [35, 87]:
    print("The behavior has changed: the centroid is elsewhere.")
    sys.exit(1)
PY
