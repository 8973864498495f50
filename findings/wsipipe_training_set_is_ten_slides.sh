#!/usr/bin/env bash
# wsipipe's training set of STRIP AI is ten slides, however many there are.
#
# Versions: wsipipe 0.1.6, pandas 2.3.3.
# Behavior: of the slides in the folder only the first ten are entered into the table, in the order in which the file
#     system lists them.
# Expected: all slides, as the function is described to go through the folders of the training slides.
# Seen: folders of 5, 40 and 754 slides, the latter as many as the published set has, with their table of labels. The
#     training set has 5, 10 and 10.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsipipe==0.1.6
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from wsipipe.datasets.stripai import training

print({name: version(name) for name in ("wsipipe", "pandas")})
seen = {}
for number in (5, 40, 754):
    folder = Path(f"slides_{number}")
    (folder / "train" / "train").mkdir(parents=True)
    names = [f"{k:06}_0" for k in range(number)]
    for name in names:
        (folder / "train" / "train" / f"{name}.tif").touch()
    labels = ["CE" if k % 4 else "LAA" for k in range(number)]
    table = pd.DataFrame({"image_id": names, "label": labels, "center_id": 1, "patient_id": names})
    table.to_csv(folder / "train.csv", index=False)
    seen[number] = len(training(folder))
    print(f"{number} slides in the folder, {seen[number]} in the training set")
if seen != {5: 5, 40: 10, 754: 10}:
    sys.exit("The behavior has changed: the training sets are others.")
PY
