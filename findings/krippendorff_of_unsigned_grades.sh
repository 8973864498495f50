#!/usr/bin/env bash
# Krippendorff's alpha of grades in 8 bits without a sign is not that of the same grades as int64 or float.
#
# Versions: krippendorff 0.9.0, NumPy 2.4.6.
# Behavior: for the levels "interval" and "ratio" the difference of two values is taken in the type of the data before
#     it becomes a float: 1 - 2 is 255 in uint8. Each pair counts once as it should and once as if it were nearly 256
#     apart, so that all disagreements weigh about the same; of 16 and more bits likewise. "nominal" and "ordinal" are
#     not concerned, nor are masks of two values at "interval", where the weight cancels out. There is no warning, and
#     the parameter `dtype` ("result and computation data-type") changes nothing.
# Expected: the same alpha for the same numbers, as images and label maps come as uint8 or uint16.
# Seen: three annotators grade 400 images from 0 to 4 and never differ by more than two from each other, interval: 0.76
#     from int64 and float, 0.28 from uint8 and 0.29 from uint16, with dtype=float too. Ratio: 0.46, and -0.28.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 krippendorff==0.9.0
cd "$work"
"$work/venv/bin/python" -W error - <<'PY'
import sys
from importlib.metadata import version

import krippendorff
import numpy as np

print({name: version(name) for name in ("krippendorff", "numpy")})
random = np.random.default_rng(0)
grade = random.integers(0, 5, 400)
grades = np.array([np.clip(grade + random.integers(-1, 2, 400), 0, 4) for _ in range(3)])
signed, unsigned = (np.int64, np.float64), (np.uint8, np.uint16)
seen = {}
for level in ("nominal", "ordinal", "interval", "ratio"):
    for kind in signed + unsigned:
        alpha = krippendorff.alpha(reliability_data=grades.astype(kind), level_of_measurement=level, dtype=np.float64)
        seen[level, kind] = round(float(alpha), 2)
    print(f"{level}:", {kind.__name__: seen[level, kind] for kind in signed + unsigned})
binary = [
    krippendorff.alpha(reliability_data=(grades > 2).astype(kind), level_of_measurement="interval")
    for kind in signed + unsigned
]
as_described = np.ptp(binary) < 1e-9
for level in ("nominal", "ordinal"):
    as_described &= len({seen[level, kind] for kind in signed + unsigned}) == 1
as_described &= [seen["interval", kind] for kind in signed + unsigned] == [0.76, 0.76, 0.28, 0.29]
as_described &= [seen["ratio", kind] for kind in signed + unsigned] == [0.46, 0.46, -0.28, -0.28]
sys.exit(0 if as_described else "The behavior has changed.")
PY
