#!/usr/bin/env bash
# report-guided-annotation finds no lesion, and takes the whole image for one, if a single voxel is hot.
#
# Versions: report-guided-annotation 0.3.4, NumPy 2.2.6, SciPy 1.15.3.
# Behavior: with threshold="dynamic" the threshold is a part of the highest probability that is left. If all that is
#     above it is smaller than min_voxels_detection, the map of candidates is 0, its maximum is 0, and all voxels that
#     are 0 are the next candidate: the whole image, with confidence 0. After that nothing is left. A comment inside
#     names the bug, which "dynamic-v2" does not have, and "dynamic" was left as it is.
# Expected: candidates that are too small are left out, and others stay.
# Seen: lesions of 400 voxels at 0.3 and of 200 at 0.2 in a prostate of 20 x 64 x 64 voxels: both are found. With one
#     more voxel of 0.9: one candidate of 81920 voxels and confidence 0. With "dynamic-v2" both lesions are found.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 tqdm==4.67.1 \
    SimpleITK==2.5.7
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps report-guided-annotation==0.3.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import contextlib
import io
import sys
from importlib.metadata import version

import numpy as np

with contextlib.redirect_stdout(io.StringIO()):  # it asks to be cited
    from report_guided_annotation import extract_lesion_candidates

print({name: version(name) for name in ("report-guided-annotation", "numpy", "scipy")})
softmax = np.zeros((20, 64, 64))
softmax[8:12, 20:30, 20:30] = 0.3
softmax[3:5, 40:50, 40:50] = 0.2
seen = {}
for hot in (0.0, 0.9):
    softmax[15, 50, 50] = hot
    for threshold in ("dynamic", "dynamic-v2"):
        _, confidences, candidates = extract_lesion_candidates(softmax, threshold=threshold)
        seen[hot, threshold] = {int((candidates == index).sum()): float(value) for index, value in confidences}
        print(f"one voxel of {hot}, {threshold}: voxels and confidences {seen[hot, threshold]}")
both = {400: 0.3, 200: 0.2}
if list(seen.values()) != [both, both, {softmax.size: 0.0}, both]:
    sys.exit("The behavior has changed: other candidates are found.")
PY
