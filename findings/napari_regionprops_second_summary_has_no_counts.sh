#!/usr/bin/env bash
# napari-skimage-regionprops counts the dots in each cell for the first image only.
#
# Versions: napari-skimage-regionprops 0.10.1, napari 0.6.6, scikit-image 0.25.2, pandas 2.3.3, NumPy 2.2.6.
# Behavior: make_summary_table takes "count" out of the list of statistics that it was given, and out of its own default
#     list as well. From the second call on the counts are missing; a list of the caller's is shorter afterwards.
# Expected: the same summary of the same tables, however often it is asked for.
# Seen: two cells with three dots and one: the first summary has columns label_reference and counts_1, the second one
#     label_reference only. With a list that is used for two images, the second one has no counts either.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 napari==0.6.6 pandas==2.3.3 \
    scikit-image==0.25.2 toolz==1.2.0 Deprecated==1.3.1 napari-plugin-engine==0.2.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps napari-tools-menu==0.1.20 napari-workflows==0.2.11 \
    napari-skimage-regionprops==0.10.1
cd "$work"
MPLCONFIGDIR="$work" IPYTHONDIR="$work" XDG_CONFIG_HOME="$work" XDG_CACHE_HOME="$work" \
    "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import napari_skimage_regionprops as plugin
import numpy as np

names = ("napari-skimage-regionprops", "napari", "scikit-image", "pandas", "numpy")
print({name: version(name) for name in names})
cells, dots = np.zeros((40, 40), int), np.zeros((40, 40), int)
cells[2:18, 2:38], cells[22:38, 2:38] = 1, 2
for dot, (y, x) in enumerate(((6, 6), (6, 14), (6, 22), (26, 6)), 1):
    dots[y:y + 3, x:x + 3] = dot
tables = plugin.merge_measurements_to_reference(
    plugin.regionprops_table(cells, cells, intensity=False),
    plugin.link_two_label_images(cells, dots),
    plugin.regionprops_table(dots, dots, intensity=False),
)
seen = []
for call in ("first", "second"):
    summary = plugin.make_summary_table(tables)
    seen.append((summary.columns.tolist(), summary.to_numpy().tolist()))
    print(f"{call} summary: columns {seen[-1][0]}, rows {seen[-1][1]}")
wanted = ["count", "mean"]
plugin.make_summary_table(tables, statistics_list=wanted)
print(f"a list of count and mean is {wanted} afterwards")
if seen != [(["label_reference", "counts_1"], [[1, 3], [2, 1]]), (["label_reference"], [[1], [2]])] or wanted != ["mean"]:
    sys.exit("The behavior has changed: the summaries are others.")
PY
