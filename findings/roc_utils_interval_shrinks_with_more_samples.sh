#!/usr/bin/env bash
# roc-utils' 95 % interval of an AUC becomes as narrow as one likes with more bootstrap samples, and rarely holds it.
#
# Versions: roc-utils 0.2.2, SciPy 1.10.1, NumPy 1.26.4.
# Behavior: auc95_ci of compute_roc_bootstrap is the interval of the mean over the bootstrap samples, divided by the
#     root of their number, which is not limited by the number of patients. The spread of the samples themselves is in
#     auc95_ti.
# Expected: the interval of the AUC: where the AUC of all patients is, with 95 %, whatever the number of samples.
# Seen: 400 patients, AUC 0.87. The interval with 20 samples is 0.020 wide, with 500 samples 0.004; that of DeLong's
#     method is 0.08 wide. In 40 studies with 100 samples each, the true AUC of 0.856 is in 6 intervals.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.10.1 pandas==2.2.3 \
    scikit-learn==1.5.2 matplotlib==3.9.4
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps roc-utils==0.2.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from roc_utils import compute_roc_bootstrap
from scipy.stats import norm

print({name: version(name) for name in ("roc-utils", "scipy", "numpy")})
random = np.random.default_rng(0)
truth = np.repeat([0, 1], [300, 100])


def interval(scores: np.ndarray, samples: int) -> tuple[float, float]:
    arguments = {"pos_label": 1, "n_bootstrap": samples, "random_state": 0, "stratified": True}
    return tuple(float(limit) for limit in compute_roc_bootstrap(scores, truth, **arguments)["auc95_ci"].ravel())


scores = random.normal(1.5 * truth)
wins = (scores[truth == 1][:, None] > scores[truth == 0]).astype(float)
deviation = np.sqrt(wins.mean(axis=1).var(ddof=1) / 100 + wins.mean(axis=0).var(ddof=1) / 300)
widths = {samples: float(np.ptp(interval(scores, samples))) for samples in (20, 500)}
print(f"AUC {wins.mean():.3f}; widths with 20 and 500 samples {widths[20]:.4f} and {widths[500]:.4f};", end=" ")
print(f"DeLong {2 * 1.96 * deviation:.4f}")
true = norm.cdf(1.5 / np.sqrt(2))
limits = [interval(random.normal(1.5 * truth), 100) for _ in range(40)]
inside = sum(low < true < high for low, high in limits)
print(f"studies with the true AUC of {true:.3f} inside: {inside} of 40")
if widths[500] > 0.3 * widths[20] or widths[20] > 0.5 * 3.92 * deviation or inside > 20:
    sys.exit("The behavior has changed: the intervals are others.")
PY
