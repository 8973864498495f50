#!/usr/bin/env bash
# ANTsPy gives a class that was not found an error of 1.8e308, which makes every mean infinite.
#
# Versions: antspyx 0.6.3, NumPy 2.3.5, SciPy 1.15.3.
# Behavior: where label_overlap_measures divides by 0 it returns the largest number there is, without a word: of a label
#     that is in the source only, for the target overlap and the false negative error; of one in the target only, for
#     the false positive error. Neither NaN nor infinity, it passes every test for them (dropna, isfinite).
# Expected: 0, 1 or NaN. All columns but one are shares from 0 to 1.
# Seen: two organs, one of them missed. Prediction as source and truth as target: the false positive error of the second
#     is 1.8e308, the other way round its target overlap and its false negative error. Both are finite for NumPy.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.3.5 scipy==1.15.3 antspyx==0.6.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import ants
import numpy as np

print({name: version(name) for name in ("antspyx", "numpy", "scipy")})
truth = np.zeros((40, 20, 20), np.float32)
truth[3:13, 5:15, 5:15] = 1
truth[23:33, 5:15, 5:15] = 2
found = np.where(truth == 2, 0, truth).astype(np.float32)
columns = ["TotalOrTargetOverlap", "MeanOverlap", "FalseNegativeError", "FalsePositiveError"]
seen = {}
for name, source, target in (("truth as target", found, truth), ("truth as source", truth, found)):
    table = ants.label_overlap_measures(ants.from_numpy(source), ants.from_numpy(target))
    row = table[table["Label"].astype(str) == "2"][columns].iloc[0].astype(float)
    seen[name] = [column for column in columns if row[column] > 1], bool(np.isfinite(row).all())
    print(f"{name}: {dict(row)}")
expected = {
    "truth as target": (["FalsePositiveError"], True),
    "truth as source": (["TotalOrTargetOverlap", "FalseNegativeError"], True),
}
if seen != expected:
    sys.exit("The behavior has changed: the errors are others.")
PY
