#!/usr/bin/env bash
# confusion-matrix-uncertainty's 95 % uncertainties are the lengths of intervals of 5 %: 0.005 instead of 0.16.
#
# Versions: confusion-matrix-uncertainty 0.1.0, arviz 0.11.4, NumPy 1.23.5, pandas 1.5.3.
# Behavior: the interval of highest density is asked for with 0.05. That is the share outside of it in PyMC3, for which
#     the code was written, and the share inside of it in arviz, which is called.
# Expected: the length of the interval with 95 % of the distribution, as its description says.
# Seen: a detector with 80 of 100 lesions and 10 of 100 false alarms. The uncertainty of its sensitivity is 0.005; 95 %
#     of its samples are within 0.156. That of all metrics is below 0.01.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile confusion-matrix-uncertainty==0.1.0 arviz==0.11.4 \
    numpy==1.23.5 pandas==1.5.3 scipy==1.10.1 xarray==2023.1.0 matplotlib==3.7.5 sympy==1.13.3
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from confusion_matrix_uncertainty.main import ConfusionMatrixAnalyser

print({name: version(name) for name in ("confusion-matrix-uncertainty", "arviz", "numpy", "pandas")})
np.random.seed(0)
analyser = ConfusionMatrixAnalyser(pd.Series({"TP": 80, "FN": 20, "TN": 90, "FP": 10}))
told = analyser.theta_metric_uncertainty["TPR"]
samples = analyser.theta_metrics["TPR"]
length = float(samples.quantile(0.975) - samples.quantile(0.025))
print(f"uncertainty of the sensitivity: {told:.4f}; 95 % of its samples are within {length:.3f}")
print(f"largest uncertainty of all metrics: {analyser.theta_metric_uncertainty.max():.4f}")
if told > 0.1 * length or analyser.theta_metric_uncertainty.max() > 0.01:
    sys.exit("The behavior has changed: the uncertainties are others.")
PY
