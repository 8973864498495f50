#!/usr/bin/env bash
# mritk's stable mean, which is to leave out the lowest and the highest 5 %, is the plain mean in its tables.
#
# Versions: mritk 0.4.3, NumPy 2.2.6, nibabel 5.4.2, pandas 2.3.3.
# Behavior: generate_stats_dataframe_rois takes the function within a statistic, which for StableMean is np.mean, and
#     leaves out the cut that surrounds it. Called by themselves, StableMean and StableStd cut.
# Expected: the columns stable_mean and stable_std have what StableMean and StableStd say of the same voxels.
# Seen: 120 voxels of about 100, five of them 5000: StableMean is 99.8 and StableStd 3.6, the table has 303.5 and 979.3,
#     which are the mean and the standard deviation.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 scipy==1.15.3 \
    scikit-image==0.25.2 nibabel==5.4.2 tqdm==4.67.1 rich==14.2.0 rich-argparse==1.8.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps mritk==0.4.3
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from mritk.data import MRIData
from mritk.segmentation import Segmentation
from mritk.statistics.compute_stats import generate_stats_dataframe_rois
from mritk.statistics.stat_functions import Mean, StableMean, StableStd, Std

print({name: version(name) for name in ("mritk", "numpy", "nibabel", "pandas")})
labels = np.zeros((10, 12, 14), np.int16)
labels[2:6, 2:7, 2:8] = 1
values = np.random.default_rng(0).normal(100, 5, labels.shape)
values[2, 2, 2:7] = 5000
affine = np.eye(4)
segmentation = Segmentation(MRIData(labels, affine))
table = generate_stats_dataframe_rois(segmentation, MRIData(values, affine), [Mean, StableMean, Std, StableStd])
table = table.set_index("statistic")["value"].round(1).to_dict()
inside = values[labels == 1]
direct = {"stable_mean": round(float(StableMean(inside)), 1), "stable_std": round(float(StableStd(inside)), 1)}
print("table", table)
print("called by themselves", direct)
same = table["stable_mean"] == table["mean"] and table["stable_std"] == table["std"]
if not same or table["stable_mean"] < 250 or direct["stable_mean"] > 105:
    sys.exit("The behavior has changed: the statistics are others.")
PY
