#!/usr/bin/env bash
# brats-evaluation leaves a case that cannot be evaluated out of the mean; a case without a file gets the worst score.
#
# Versions: brats-evaluation 0.0.10, panoptica 2.1.7, nibabel 5.4.2, NumPy 2.2.6, pandas 2.3.3.
# Behavior: of a prediction that is not there, 0 and a distance of 373 enter the table and its mean. If the prediction
#     is there and the evaluation of it fails, as it does if it has a slice less than the ground truth, a line
#     is printed and the case is in no row. Who has no result for a case scores better with a wrong file than without.
# Expected: the penalty in both cases, since neither has a result.
# Seen: three cases with Dice 0.824 and HD95 3 of the whole tumor. Without the third file: 0.549 and 126.3; with one
#     that lacks a slice: 0.824 and 3.0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 pandas==2.3.3 nibabel==5.4.2 connected-components-3d==3.29.0 panoptica==2.1.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps brats-evaluation==0.0.10
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from contextlib import redirect_stdout
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import nibabel as nib
import numpy as np
import pandas as pd
from brats_evaluation import evaluation, metrics_parser

print({name: version(name) for name in ("brats-evaluation", "panoptica", "nibabel", "numpy", "pandas")})
truth = np.zeros((40, 40, 30), np.uint8)
truth[5:15, 5:15, 5:15] = 1
truth[8:12, 8:12, 8:12] = 3
result = truth.copy()
result[5:8] = 0


def mean_of_three(third: np.ndarray | None, folder: Path) -> list[float]:
    for name, masks in (("truth", [truth] * 3), ("results", [result, result, third])):
        (folder / name).mkdir(parents=True)
        for number, mask in enumerate(masks):
            if mask is not None:
                nib.save(nib.Nifti1Image(mask, np.eye(4)), folder / name / f"BraTS-GLI-0000{number}-000.nii.gz")
    summary, table = str(folder / "summary.json"), str(folder / "table.csv")
    paths = ["--ref_path", str(folder / "truth"), "--pred_path", str(folder / "results"), "--summary_json", summary]
    with redirect_stdout(StringIO()):
        with patch.object(sys, "argv", ["evaluate", *paths, "--config", "gli"]):
            evaluation.main()
        with patch.object(sys, "argv", ["parse", "seg", "--json_path", summary, "--output_csv_path", table]):
            metrics_parser.main()
    mean = pd.read_csv(table).set_index("subject_id").loc["mean"]
    return [round(float(mean["global_dsc_wt"]), 3), round(float(mean["global_hd95_wt"]), 1)]


seen = {}
for name, third in (("like the others", result), ("not there", None), ("without its last slice", result[..., :-1])):
    seen[name] = mean_of_three(third, Path(name.replace(" ", "_")))
    print(f"third result {name}: mean Dice and HD95 of the whole tumor {seen[name]}")
if list(seen.values()) != [[0.824, 3.0], [0.549, 126.3], [0.824, 3.0]]:
    sys.exit("The behavior has changed: the means are others.")
PY
