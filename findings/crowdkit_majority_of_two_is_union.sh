#!/usr/bin/env bash
# Crowd-Kit's majority vote of masks counts half of the votes as a majority: of two annotators it is the union.
#
# Versions: crowd-kit 1.4.2, NumPy 2.4.6, pandas 3.1.1.
# Behavior: SegmentationMajorityVote keeps a pixel that at least half of the workers have drawn. An even number of
#     annotators makes ties, and all of them become foreground, although its documentation speaks of a majority.
#     SegmentationEM starts from the same shares, rounded half to even, so that ties are background there: of the same
#     two masks it gives one of them, here the smaller.
# Expected: a pixel is kept if more than half have drawn it (the intersection of two), or ties are told; and both
#     methods treat ties alike.
# Seen: two masks of 12 and 16 of 24 pixels with 4 pixels in common: 24 pixels by majority, 12 by EM. Four annotators,
#     each mask twice: 24 and 12 again.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 pandas==3.1.1 crowd-kit==1.4.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
from crowdkit.aggregation import SegmentationEM, SegmentationMajorityVote

print({name: version(name) for name in ("crowd-kit", "pandas", "numpy")})
first, second = np.zeros((4, 6), bool), np.zeros((4, 6), bool)
first[:, :3] = True
second[:, 2:] = True


def sizes(masks):
    """Pixels of what majority and EM make of masks."""
    rows = [{"task": "scan", "worker": f"annotator {k}", "segmentation": mask} for k, mask in enumerate(masks)]
    fused = [method().fit_predict(pd.DataFrame(rows))["scan"] for method in (SegmentationMajorityVote, SegmentationEM)]
    return [int(mask.sum()) for mask in fused]


print("drawn:", int(first.sum()), int(second.sum()), "in common:", int((first & second).sum()))
seen = {"two": sizes([first, second]), "four": sizes([first, first, second, second])}
print("majority and EM, pixels:", seen)
sys.exit(0 if seen == {"two": [24, 12], "four": [24, 12]} else "The behavior has changed.")
PY
