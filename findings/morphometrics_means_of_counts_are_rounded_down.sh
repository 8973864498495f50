#!/usr/bin/env bash
# morphometrics' means of neighboring cells are rounded down if the measurement is a whole number: 1 instead of 1.8.
#
# Versions: morphometrics 0.0.8, pandas 2.3.3, NumPy 2.2.6.
# Behavior: the statistics are put into an array of the type that the measurements have. Counts are whole numbers, so
#     are their means, standard deviations and medians.
# Expected: means with fractions, as pandas gives them for the same table.
# Seen: five cells with 1, 2, 2, 3 and 1 nuclei, all neighbors: mean 1, standard deviation 0, where they are 1.8 and
#     0.75. If a measurement with fractions is in the same table, the same column has 1.8 and 0.75.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 scikit-learn==1.7.2 tqdm==4.67.1 toolz==1.2.0 pooch==1.9.0 trimesh==4.10.1 rtree==1.4.1 \
    pymeshfix==0.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps morphometrics==0.0.8
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from morphometrics.measure.neighborhood import calculate_neighborhood_statistics

print({name: version(name) for name in ("morphometrics", "pandas", "numpy")})
cells = pd.DataFrame({"nuclei": [1, 2, 2, 3, 1]}, index=range(1, 6))
seen = []
for name, table in (("alone", cells), ("beside an area", cells.assign(area=[10.5, 20.5, 30.5, 40.5, 50.5]))):
    row = calculate_neighborhood_statistics(np.ones((5, 5)), table).iloc[0]
    seen.append((round(float(row["nuclei_mean"]), 2), round(float(row["nuclei_stdev"]), 2)))
    print(f"nuclei {name}: mean {seen[-1][0]}, standard deviation {seen[-1][1]}")
print("by pandas:", cells["nuclei"].mean(), round(cells["nuclei"].std(ddof=0), 2))
if seen != [(1.0, 0.0), (1.8, 0.75)]:
    sys.exit("The behavior has changed: the means are others.")
PY
