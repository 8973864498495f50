#!/usr/bin/env bash
# In pyrecist nobody has a complete response: a patient whose lesions are gone is a partial responder.
#
# Versions: pyrecist 0.1.0, pandas 2.3.3, NumPy 2.2.6.
# Behavior: all follow-ups with at least 30 % less than at baseline are PR, those with a sum of 0 as well. Its documents
#     name what it leaves out (new lesions, non-target lesions), and complete responses are not among it. Progression,
#     20 % and 5 mm above the lowest sum, is as in RECIST 1.1.
# Expected: CR when all target lesions have disappeared.
# Seen: two target lesions of 60 and 40 mm. Two years at 0 mm: PR, PR. Sums of 100, 60, 75 mm: PR, PD; of 100, 110 and
#     105 mm: SD, SD. Nobody of these has CR.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pyrecist==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pandas as pd

print({name: version(name) for name in ("pyrecist", "pandas", "numpy")})
patients = {
    1: [(60, 40), (0, 0), (0, 0)],
    2: [(60, 40), (36, 24), (45, 30)],
    3: [(60, 40), (66, 44), (63, 42)],
}
rows = []
for patient, studies in patients.items():
    for year, diameters in enumerate(studies, 2020):
        for lesion, diameter in zip("AB", diameters):
            rows.append((patient, f"{year}0101", float(diameter), lesion, "target"))
columns = ["patient_id", "study_date", "measurement", "lesion_label_alias", "lesion_category"]
pd.DataFrame(rows, columns=columns).to_csv("lesions.csv", index=False)
program = Path(sys.executable).with_name("pyrecist")
subprocess.run([program, "lesions.csv", "-o", "."], check=True, capture_output=True)
table = pd.read_csv("recist_evaluation.csv")
seen = {int(patient): part["classification"].tolist() for patient, part in table.groupby("patient_id")}
for patient, studies in patients.items():
    print(f"sums of {[sum(diameters) for diameters in studies]} mm: {seen[patient]}")
if seen != {1: ["PR", "PR"], 2: ["PR", "PD"], 3: ["SD", "SD"]}:
    sys.exit("The behavior has changed: the responses are others.")
PY
