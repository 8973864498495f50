#!/usr/bin/env bash
# CoVIRA's iterative weights never weight anything: the first round is the last one.
#
# Versions: covira 1.1.12, NumPy 2.2.6.
# Behavior: fit multiplies every agreement of an annotator by the weight of that annotator, and divides by the sum of
#     the same weights. The weight cancels, so the weights after the first round are those after any number of rounds:
#     how often each annotator says the same as any other one, the bad ones included.
# Expected: "iterative recalculations of weights based on the weighted agreement" between annotators. Agreement with
#     those who have a high weight counts more, and the weights change from round to round.
# Seen: two annotators who are always right and three who guess, 400 voxels: weights of 0.227 and 0.182 after 1, 2 and
#     10000 rounds. With agreement weighted by the weight of the other annotator, ten rounds give 0.232 and 0.178.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 covira==1.1.12
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from covira import Covira

print({name: version(name) for name in ("covira", "numpy")})
guesses = np.array([[(voxel >> bit) & 1 for bit in range(4)] for voxel in range(400)])
answers = guesses[:, [0, 0, 1, 2, 3]]
seen = {}
for rounds in (1, 2, 10000):
    model = Covira(max_iterations=rounds)
    model.fit(answers)
    seen[rounds] = np.asarray(model.weights)
    print(f"{rounds} rounds: {seen[rounds].round(3).tolist()}")
equal = (answers[:, :, None] == answers[:, None]).mean(0)
np.fill_diagonal(equal, 0)
plain = equal.sum(1) / equal.sum()
weights = np.full(5, 0.2)
for _ in range(10):
    weights = equal @ weights / (weights.sum() - weights)
    weights /= weights.sum()
print(f"plain agreement: {plain.round(3).tolist()}, weighted agreement: {weights.round(3).tolist()}")
same = all(np.allclose(found, plain) for found in seen.values())
if not same or abs(weights - plain).max() < 0.004:
    sys.exit("The behavior has changed: the weights are others than plain agreement.")
PY
