#!/usr/bin/env bash
# noisifier adds findings where it is to leave some out: of 200 labels of images none is missing, and 400 are new.
#
# Versions: noisifier 0.4.7, NumPy 2.4.6.
# Behavior: add_missing_noise of a noisifier for several labels per image draws among the zeros and makes them 1. Its
#     description says that positive labels become negative ones. As findings are rare, the noise is also much
#     stronger than the rate says: at a rate of 0.5, half of all that is absent becomes present.
# Expected: half of the findings are missing, nothing is added.
# Seen: 100 images with two of ten findings each, a rate of 0.5: 0 of 200 findings are missing, 400 of 800 that are
#     absent become present: six findings per image instead of one.
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
from noisifier import Multi_Label_Noisifier

print({name: version(name) for name in ("noisifier", "numpy")})
labels = np.zeros((100, 10), int)
labels[:, :2] = 1
noisy, _ = Multi_Label_Noisifier().add_missing_noise(labels, 0.5)
missing = int(((labels == 1) & (noisy == 0)).sum())
added = int(((labels == 0) & (noisy == 1)).sum())
print(f"of {labels.sum()} findings {missing} are missing, {added} are added; {noisy.sum() / 100} per image")
if (missing, added) != (0, 400):
    sys.exit("The behavior has changed: other labels are flipped.")
PY
