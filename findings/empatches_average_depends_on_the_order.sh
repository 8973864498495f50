#!/usr/bin/env bash
# empatches' average of overlapping patches is none: the last patch counts half, and a probability of 0 nothing.
#
# Versions: empatches 0.2.3, NumPy 2.2.6.
# Behavior: merge_patches(mode="avg") takes the mean of what is there and the next patch, so of four patches at a pixel the
#     weights are 1/8, 1/8, 1/4 and 1/2; and where what is there is exactly 0 it is replaced, as if nothing were there.
# Expected: the mean of all patches that cover a pixel.
# Seen: four patches that say 1, 1, 1 and 0 in the middle make 0.5 instead of 0.75; if the 0 comes first 1.0.
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

patches, indices = EMPatches().extract_patches(np.zeros((6, 6), np.float32), patchsize=4, overlap=0.5)
seen = []
for said in ([1, 1, 1, 0], [0, 1, 1, 1]):
    maps = [np.full_like(patch, value) for patch, value in zip(patches, said, strict=True)]
    merged = EMPatches().merge_patches(maps, indices, mode="avg")
    seen.append(float(merged[2, 2]))  # covered by all four
    print("patches say", said, "in the middle:", seen[-1])
if seen != [0.5, 1.0]:
    sys.exit("The behavior has changed: the means are others.")
PY
