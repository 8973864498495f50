#!/usr/bin/env bash
# crowd-kit's aggregations of segmentations learn an annotator's skill anew in every picture.
#
# Versions: crowd-kit 1.4.2, NumPy 2.4.6, pandas 3.1.1.
# Behavior: SegmentationEM and SegmentationRASA take a table with a column of workers, and SegmentationEM is described as
#     Dawid and Skene's model, in which each worker has a skill. But each picture is aggregated by itself: what a worker
#     did in all others counts nothing. DawidSkene of the same package learns from all tasks.
# Expected: after 20 pictures in which Anna agrees with Cara and Ben is 6 pixels off, a picture of Anna and Ben alone
#     follows Anna.
# Seen: the picture comes out the same with and without the 20 others: EM keeps what both drew, 40 of 100 pixels, RASA
#     what either drew, 160.
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
from crowdkit.aggregation import SegmentationEM, SegmentationRASA

print({name: version(name) for name in ("crowd-kit", "numpy", "pandas")})


def square(left, width=10):
    mask = np.zeros((30, 30), bool)
    mask[10:20, left : left + width] = True
    return mask


others = [
    {"task": f"picture {number}", "worker": worker, "segmentation": square(left)}
    for number in range(20)
    for worker, left in (("anna", 5), ("ben", 11), ("cara", 5))
]
alone = [
    {"task": "last", "worker": "anna", "segmentation": square(5)},
    {"task": "last", "worker": "ben", "segmentation": square(11)},
]
seen = {}
for method in (SegmentationEM, SegmentationRASA):
    results = [method().fit_predict(pd.DataFrame(rows))["last"] for rows in (alone, others + alone)]
    seen[method.__name__] = [int(result.sum()) for result in results]
    print(method.__name__, "pixels of the last picture without and with the others:", seen[method.__name__])
if seen != {"SegmentationEM": [40, 40], "SegmentationRASA": [160, 160]}:
    sys.exit("The behavior has changed: the masks are others.")
PY
