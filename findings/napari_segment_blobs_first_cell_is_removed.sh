#!/usr/bin/env bash
# napari-segment-blobs-and-things-with-membranes removes the first cell, however bright it is.
#
# Versions: napari-segment-blobs-and-things-with-membranes 0.3.12, scikit-image 0.25.2, napari 0.6.6, NumPy 2.2.6,
#     SciPy 1.17.1.
# Behavior: thresholded_local_minima_seeded_watershed removes cells with a mean intensity below minimum_intensity. Cells
#     are numbered from 0 where they are kept, so the first one gets the number of the background in any case.
# Expected: "all objects are removed that have an average intensity below a given minimum_intensity"; with a minimum of
#     0 none.
# Seen: nine cells of equal size within bright membranes, of which the watershed alone finds nine: with a minimum of 0
#     eight are left, and with -1.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 napari==0.6.6 pandas==2.3.3 \
    scikit-image==0.25.2 toolz==1.2.0 Deprecated==1.3.1 ipywidgets==8.1.9 napari-plugin-engine==0.2.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps napari-tools-menu==0.1.20 napari-workflows==0.2.11 \
    napari-time-slicer==0.5.0 stackview==0.19.1 napari-segment-blobs-and-things-with-membranes==0.3.12
cd "$work"
MPLCONFIGDIR="$work" IPYTHONDIR="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" \
    "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import napari_segment_blobs_and_things_with_membranes as plugin
import numpy as np
from skimage.filters import gaussian

names = ("napari-segment-blobs-and-things-with-membranes", "scikit-image", "napari", "numpy", "scipy")
print({name: version(name) for name in names})
membranes = np.zeros((90, 90))
for place in (0, 30, 60, 89):
    membranes[max(place - 1, 0):place + 2] = membranes[:, max(place - 1, 0):place + 2] = 200
image = gaussian(membranes, 1) + 20
cells = np.asarray(plugin.local_minima_seeded_watershed(image, spot_sigma=5, outline_sigma=0))
least = min(image[cells == cell].mean() for cell in np.unique(cells))
print(f"watershed: {cells.max()} cells, the darkest has a mean of {least:.0f}")
seen = {}
for minimum in (0, -1, 30):
    kept = np.asarray(plugin.thresholded_local_minima_seeded_watershed(
        image, spot_sigma=5, outline_sigma=0, minimum_intensity=minimum))
    seen[minimum] = int(kept.max()), np.unique(cells[kept == 0]).tolist()
    print(f"minimum_intensity {minimum}: {seen[minimum][0]} cells, removed {seen[minimum][1]}")
if cells.max() != 9 or least < 30 or set(map(str, seen.values())) != {str((8, [1]))}:
    sys.exit("The behavior has changed: other cells are removed.")
PY
