#!/usr/bin/env bash
# research-roc-utils compares AUCs with z scores near 0, whatever they are, and with t statistics that are too large.
#
# Versions: research-roc-utils 0.1.1, scikit-learn 1.7.2, SciPy 1.13.1, NumPy 1.26.4.
# Behavior: the variance of an AUC is a sum divided by the number of pairs of a case with and one without the disease.
#     roc_z_score does not divide, so the more cases there are, the smaller is z. roc_t_stat divides by the number of
#     pairs after the root, so its variances are too small, and takes them for standard errors where it corrects for
#     the correlation.
# Expected: z as in the paper of Hanley and McNeil, near that of a bootstrap: it grows with the root of the number of
#     cases, and is normally distributed for models that are equally good.
# Seen: AUCs of about 0.95 and 0.75. With 50 + 50 cases z is 0.08, t 5.6, that of a bootstrap 3.9; with 500 + 500 cases
#     0.03, 27 and 11. Of 200 pairs of equally good models with 100 + 100 cases, |z| is above 1.96 in none, |t| in 27 %,
#     where 5 % were to be expected.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==1.26.4 scipy==1.13.1 pandas==2.3.3 \
    scikit-learn==1.7.2 matplotlib==3.10.8 pyerf==1.0.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps scikits.bootstrap==1.1.1 research-roc-utils==0.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from research_roc_utils.roc_utils import roc_t_stat, roc_z_score
from scipy.stats import kendalltau
from sklearn.metrics import roc_auc_score

print({name: version(name) for name in ("research-roc-utils", "scikit-learn", "scipy", "numpy")})
random = np.random.default_rng(0)


def models(cases: int, good: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    truth = np.repeat([0, 1], cases)
    return truth, random.normal(truth * good), random.normal(truth * 1.0)


def bootstrap(truth: np.ndarray, one: np.ndarray, two: np.ndarray) -> float:
    differences = []
    for _ in range(200):
        drawn = np.concatenate([random.choice(np.flatnonzero(truth == label), truth.size // 2) for label in (0, 1)])
        differences.append(roc_auc_score(truth[drawn], one[drawn]) - roc_auc_score(truth[drawn], two[drawn]))
    return (roc_auc_score(truth, one) - roc_auc_score(truth, two)) / np.std(differences)


seen = {}
for cases in (50, 500):
    data = models(cases, 2.3)
    areas = [round(roc_auc_score(data[0], scores), 2) for scores in data[1:]]
    seen[cases] = roc_z_score(*data, kendalltau), roc_t_stat(*data, kendalltau), bootstrap(*data)
    print(f"AUCs {areas}, {cases} + {cases} cases: z {seen[cases][0]:.2f}, t {seen[cases][1]:.1f},", end=" ")
    print(f"bootstrap {seen[cases][2]:.1f}")
equal = [models(100, 1.0) for _ in range(200)]
rates = [np.mean([abs(test(*data, kendalltau)) > 1.96 for data in equal]) for test in (roc_z_score, roc_t_stat)]
print(f"equally good models, share of |z| > 1.96: {rates[0]:.2f}, of |t| > 1.96: {rates[1]:.2f}")
small = all(z < 0.2 and t > 1.3 * known and known > 3 for z, t, known in seen.values())
if not small or seen[500][0] > seen[50][0] or rates[0] > 0 or rates[1] < 0.2:
    sys.exit("The behavior has changed: the statistics are others.")
PY
