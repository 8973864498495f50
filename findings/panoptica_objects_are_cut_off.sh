#!/usr/bin/env bash
# panoptica does not count an outermost object whose numbers in the two masks add up to 256: 128 and 128, 200 and 56.
#
# Versions: panoptica 2.1.7, NumPy 2.2.6, SciPy 1.17.1, connected-components-3d 3.29.0.
# Behavior: masks of objects that are numbered are cast to bytes, if their numbers fit, and cut to a box around
#     everything that is in one of them. The box is found from their sum, in bytes again: 128 + 128 is 0, so the object
#     is taken for background. If it lies beyond all others, it is cut off from both masks, neither found nor missed.
# Expected: every object is counted, with any number.
# Seen: two objects in both masks. If the second one is 128 in both, or 200 and 56, only one is counted, also of int64.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 connected-components-3d==3.29.0 panoptica==2.1.7
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from panoptica import InputType, NaiveThresholdMatching, Panoptica_Evaluator

print({name: version(name) for name in ("panoptica", "numpy", "scipy", "connected-components-3d")})
evaluator = Panoptica_Evaluator(expected_input=InputType.UNMATCHED_INSTANCE, instance_matcher=NaiveThresholdMatching())
seen = {}
for kind in (np.uint8, np.int64):
    for numbers in ((2, 2), (128, 128), (200, 56), (200, 57)):
        truth, prediction = np.zeros((2, 20, 60, 60), kind)
        truth[5:10, 5:10, 5:10], prediction[5:10, 5:10, 5:10] = 1, 1
        truth[12:18, 40:50, 40:50], prediction[12:18, 40:50, 40:50] = numbers
        result = evaluator.evaluate(prediction, truth, verbose=False)["ungrouped"]
        seen[kind.__name__, numbers] = result.n_ref_instances, result.n_pred_instances
        print(f"{kind.__name__}, numbers {numbers}: {seen[kind.__name__, numbers]} objects of 2 and 2")
expected = {key: (1, 1) if sum(key[1]) == 256 else (2, 2) for key in seen}
if seen != expected:
    sys.exit("The behavior has changed: other objects are counted.")
PY
