#!/usr/bin/env bash
# PyMIC's evaluation reports no HD95 above 50 and no average surface distance above 20.
#
# Versions: PyMIC 0.6.2 (PYMIC), MedPy 0.5.2, SimpleITK 2.5.7, SciPy 1.17.1, NumPy 2.4.6, PyTorch 2.13.0.
# Behavior: what pymic_eval_seg writes for "hd95" and "assd" is the distance or 50 and 20, whichever is lower, in the
#     units of the spacing. A prediction far away, one somewhat away and one that is empty have the same result; means
#     over cases are lower than the distances are. The functions for one mask, binary_hd95 and binary_assd, do not do
#     so.
# Expected: the distances, as of these two functions and of MedPy. The documentation of the evaluation lists the metrics
#     by name and has no word about limits, which the code alone gives ("to reject outliers").
# Seen: an object 125 mm off: HD95 50 instead of 125, ASSD 20 instead of 107.5; an empty prediction: 50 and 20 as well.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1 simpleitk==2.5.7 \
    torch==2.13.0 pandas==2.3.3 h5py==3.16.0 pillow==13.0.0 medpy==0.5.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps PYMIC==0.6.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from medpy.metric.binary import assd, hd95
from pymic.util.evaluation_seg import binary_assd, binary_hd95, get_binary_evaluation_score

print({name: version(name) for name in ("pymic", "medpy", "simpleitk", "scipy", "numpy", "torch")})
spacing = [5.0, 5.0, 5.0]
reference = np.zeros((10, 40, 40), bool)
reference[3:7, 2:10, 2:10] = True
predictions = {"10 mm off": np.roll(reference, 2, 1), "125 mm off": np.roll(reference, 25, 1), "empty": 0 * reference}
seen = {}
for name, prediction in predictions.items():
    prediction = prediction.astype(bool)
    masks = prediction, reference
    seen[name] = [round(float(get_binary_evaluation_score(*masks, spacing, metric)), 1) for metric in ("hd95", "assd")]
    print(f"{name}: HD95 and ASSD of the evaluation {seen[name]}", end="")
    if prediction.any():
        of_one = [round(float(value), 1) for value in (binary_hd95(*masks, spacing), binary_assd(*masks, spacing))]
        of_medpy = [round(float(value), 1) for value in (hd95(*masks, spacing, 1), assd(*masks, spacing, 1))]
        print(f", of the functions for one mask {of_one}, of MedPy {of_medpy}", end="")
        seen[name, "MedPy"] = of_medpy
    print()
as_described = seen["10 mm off"] == seen["10 mm off", "MedPy"] and seen["125 mm off", "MedPy"] == [125.0, 107.5]
as_described &= seen["125 mm off"] == seen["empty"] == [50.0, 20.0]
sys.exit(0 if as_described else "The behavior has changed.")
PY
