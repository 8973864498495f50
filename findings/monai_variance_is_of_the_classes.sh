#!/usr/bin/env bash
# MONAI's VarianceMetric finds certain predictions uncertain, and undecided ones certain.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the repeats of a prediction and its classes are put into one axis, over which the variance is taken. If
#     there is more than one channel, it measures how different the classes are within a voxel: largest where one class
#     has all the probability, 0 where all classes have the same, and repeats that disagree completely change nothing.
# Expected: the variance over the repeats, averaged over the classes; "variance of a given T-repeats N-dimensional array
#     [...] as an uncertainty based metric", for input of [N, C, H, W, D], N being repeats.
# Seen: two classes, three repeats. Equal and certain: 0.25; equal and undecided (0.5 and 0.5): 0; one of three gives
#     the other class everywhere: 0.25. Over the repeats alone they are 0, 0 and 0.22, which the metric gives if
#     include_background=False leaves one channel.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.metrics import VarianceMetric

print({name: version(name) for name in ("monai", "torch", "numpy")})
certain = torch.zeros(1, 2, 8, 8)
certain[:, 0, :, :4] = 1
certain[:, 1, :, 4:] = 1
repeats = {
    "equal and certain": certain.repeat(3, 1, 1, 1),
    "equal and undecided": torch.full((3, 2, 8, 8), 0.5),
    "one gives the other class": torch.cat([certain, certain, 1 - certain]),
}
seen = {}
for name, predictions in repeats.items():
    own = predictions.var(0, unbiased=False).mean().item()
    metrics = [VarianceMetric(include_background=both, scalar_reduction="mean") for both in (True, False)]
    seen[name] = [round(metric(predictions.clone()).item(), 2) for metric in metrics] + [round(own, 2)]
    print(f"{name}: {seen[name][0]}, of the second class alone {seen[name][1]}; over the repeats {own:.2f}")
if list(seen.values()) != [[0.25, 0.0, 0.0], [0.0, 0.0, 0.0], [0.25, 0.22, 0.22]]:
    sys.exit("The behavior has changed: the variance is another one.")
PY
