#!/usr/bin/env bash
# TorchMetrics' Fleiss' kappa takes an annotator who left an item out for one who disagrees.
#
# Versions: TorchMetrics 1.9.0, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the number of annotators is that of the item with the most; every other item is compared with it, so that a
#     missing label counts as a label unlike all others. Nothing says so.
# Expected: each item is judged by those who labeled it, or the counts are refused since they differ.
# Seen: three annotators and four items, all who labeled an item give it the same class: kappa is 1 if all labeled all
#     items, and 0.64 if one annotator left one item out.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 torchmetrics==1.9.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import torch
from torchmetrics.functional.nominal import fleiss_kappa

print({name: version(name) for name in ("torchmetrics", "torch", "numpy")})
complete = torch.tensor([[3, 0], [0, 3], [3, 0], [0, 3]])  # annotators by item and class
one_missing = torch.tensor([[2, 0], [0, 3], [3, 0], [0, 3]])
found = [round(fleiss_kappa(counts, mode="counts").item(), 2) for counts in (complete, one_missing)]
print("complete:", found[0], "one label missing:", found[1])
if found[0] != 1 or found[1] >= 1:
    sys.exit("The behavior has changed: a missing label is no disagreement.")
PY
