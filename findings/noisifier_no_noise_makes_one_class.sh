#!/usr/bin/env bash
# noisifier makes the last class of every label if the rate of the noise is 0.
#
# Versions: noisifier 0.4.7, NumPy 2.4.6.
# Behavior: symmetry_flip builds the matrix of transitions from the rate, and fills its diagonal only if the rate is
#     above 0. At 0 the matrix is 0 everywhere, and a multinomial draw from a row of zeros gives the last class. The
#     clean end of a series of noise rates has labels of a single class, without a warning. pair_flip is right.
# Expected: labels as they were: with a rate of 0 the matrix in the description is the identity.
# Seen: 300 labels of three classes, 100 each. At a rate of 0: 300 of the last class, 67 % changed. At 0.01: 1 %
#     changed. With pair_flip at 0: none changed.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 noisifier==0.4.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from noisifier import Multi_Class_Noisifier

print({name: version(name) for name in ("noisifier", "numpy")})
labels = np.eye(3, dtype=int)[np.arange(300) % 3]
noisifier = Multi_Class_Noisifier()
seen = {}
for name, flip, rate in (
    ("symmetry_flip at 0", noisifier.symmetry_flip, 0.0),
    ("symmetry_flip at 0.01", noisifier.symmetry_flip, 0.01),
    ("pair_flip at 0", noisifier.pair_flip, 0.0),
):
    noisy, _ = flip(labels, rate)
    changed = round(float((noisy.argmax(1) != labels.argmax(1)).mean()), 2)
    seen[name] = noisy.sum(axis=0).tolist(), changed
    print(f"{name}: labels of each class {seen[name][0]}, share that changed {changed}")
if seen["symmetry_flip at 0"] != ([0, 0, 300], 0.67) or seen["pair_flip at 0"] != ([100, 100, 100], 0.0):
    sys.exit("The behavior has changed: the labels at a rate of 0 are others.")
if not 0 < seen["symmetry_flip at 0.01"][1] < 0.05:
    sys.exit("The behavior has changed: the labels at a rate of 0.01 are others.")
PY
