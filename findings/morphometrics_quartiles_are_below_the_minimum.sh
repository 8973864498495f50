#!/usr/bin/env bash
# morphometrics' 25th and 75th percentiles of neighboring cells are 0.25 and 0.75 percent, of all measurements at once.
#
# Versions: morphometrics 0.0.8, pandas 2.3.3, NumPy 2.2.6, SciPy 1.15.3, scikit-image 0.25.2.
# Behavior: the quartiles are asked for as 0.25 and 0.75 where percent are expected, and without an axis, so that areas
#     and intensities are mixed. Mean, standard deviation, minimum, maximum and median are right.
# Expected: the quartiles of each measurement over the neighbors, between its minimum and its maximum.
# Seen: five neighbors with areas of 100 to 500 and intensities of 1 to 5: both columns have 1.02 and 1.07. Their
#     quartiles are 200 and 400, and 2 and 4; 1.02 is smaller than every area.
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

print({name: version(name) for name in ("morphometrics", "pandas", "numpy", "scipy", "scikit-image")})
cells = pd.DataFrame({"area": [100.0, 200, 300, 400, 500], "intensity": [1.0, 2, 3, 4, 5]}, index=range(1, 6))
table = calculate_neighborhood_statistics(np.ones((5, 5)), cells).iloc[0]
seen = []
for name in cells:
    low, high = table[f"{name}_25th_percentile"], table[f"{name}_75th_percentile"]
    seen += [round(float(low), 2), round(float(high), 2)]
    true = np.percentile(cells[name], [25, 75]).tolist()
    print(f"{name}: minimum {table[f'{name}_min']}, quartiles {low:.3f} and {high:.3f}, by NumPy {true}", end=", ")
    print(f"median {table[f'{name}_median']}, maximum {table[f'{name}_max']}")
if seen != [1.02, 1.07, 1.02, 1.07]:
    sys.exit("The behavior has changed: the percentiles are others.")
PY
