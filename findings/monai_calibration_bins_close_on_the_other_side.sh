#!/usr/bin/env bash
# MONAI's calibration bins hold their right edge, not their left one: votes of 0 and 1 out of 5 share a bin.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the documentation of calibration_binning says that bins are [left, right), and (left, right] with
#     right=True. The argument goes to torch.bucketize, where it means the opposite, and the edges are a little above
#     their round values, so that with both settings a probability of just 0.2 is in the first of five bins. Ensembles
#     and annotators give such probabilities.
# Expected: 0 and 0.2 in two bins with the default, as is said.
# Seen: half of the voxels at 0, of which a fifth is foreground, and half at 0.2, of which none is: an expected
#     calibration error of 0 instead of 0.2, the same as with right=True. With probabilities 0.001 higher it is 0.2.
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
from monai.metrics import CalibrationErrorMetric, calibration_binning

print({name: version(name) for name in ("monai", "torch", "numpy")})
votes = torch.tensor([0.0] * 50 + [0.2] * 50)[None, None]
label = torch.tensor(([1.0] + [0.0] * 4) * 10 + [0.0] * 50)[None, None]
seen = {}
for shift in (0, 0.001):
    for right in (False, True):
        metric = CalibrationErrorMetric(num_bins=5, right=right)
        metric(votes + shift, label)
        counts = calibration_binning(votes + shift, label, num_bins=5, right=right)[2].flatten().int().tolist()
        error = round(float(metric.aggregate()), 3)
        seen[shift, right] = error, counts
        print(f"votes of {shift:g} and {0.2 + shift:g}, right={right}: error {error}, voxels in bins {counts}")
one_bin, two_bins = (0.0, [100, 0, 0, 0, 0]), (0.2, [50, 50, 0, 0, 0])
if list(seen.values()) != [one_bin, one_bin, two_bins, two_bins]:
    sys.exit("The behavior has changed: the votes are in other bins.")
PY
