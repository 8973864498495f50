#!/usr/bin/env bash
# empatches' maximum of overlapping patches is at least 0: logits of the background come out as even odds.
#
# Versions: empatches 0.2.3, NumPy 2.2.6.
# Behavior: merge_patches(mode="max") begins with zeros, so values below 0 never enter; mode="min" begins with infinity.
# Expected: the largest value of the patches that cover a pixel.
# Seen: patches of -5 everywhere are merged to 0 by max, and to -5 by min.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 empatches==0.2.3
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from empatches import EMPatches

print({name: version(name) for name in ("empatches", "numpy")})

patches, indices = EMPatches().extract_patches(np.full((6, 6), -5, np.float32), patchsize=4, overlap=0.5)
seen = {mode: np.unique(EMPatches().merge_patches(patches, indices, mode=mode)).tolist() for mode in ("max", "min")}
print("logits of -5 everywhere are merged to", seen)
if seen != {"max": [0.0], "min": [-5.0]}:
    sys.exit("The behavior has changed: the values are others.")
PY
