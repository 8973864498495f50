#!/usr/bin/env bash
# kappaiou gives annotators whose boxes nowhere meet an agreement of 1, and equal boxes one of 33 million.
#
# Versions: KappaIOU 1.0.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: the observed agreement is 1 / (1 − IoU + 1e-7), which is 1 where the IoU is 0 and 10 million where it is 1.
#     Chance agreement (tau) is taken from that as in Cohen's kappa, so 1 is the lowest value, not the highest. An image
#     in which both annotators rightly drew nothing has 1 as well ("perfect consensus"), the value of complete
#     disagreement; so has one in which the second annotator missed everything. A mean over images is decided by those
#     in which two boxes are equal.
# Expected: a kappa: 1 at most, for equal boxes, and 0 or less where they do not meet.
# Seen: one box of 20 × 20 pixels. Equal: 33333331. Half of it: 4.33. IoU 0.3: 2.43. Elsewhere in the image: 1.00.
#     Missed: 1.00. Neither drew anything: 1.00.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 scipy==1.17.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps kappaiou==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

from kappaiou.core import compute_image_kappa_iou

print({name: version(name) for name in ("kappaiou", "scipy", "numpy")})
first = [[10, 10, 20, 20]]
others = {
    "equal": first,
    "half of it": [[10, 10, 20, 10]],
    "IoU 0.3": [[10, 10, 20, 6]],
    "elsewhere": [[100, 100, 20, 20]],
    "missed": [],
}
seen = {name: round(float(compute_image_kappa_iou(first, other)), 2) for name, other in others.items()}
seen["both nothing"] = round(float(compute_image_kappa_iou([], [])), 2)
print(seen)
expected = {"half of it": 4.33, "IoU 0.3": 2.43, "elsewhere": 1.0, "missed": 1.0, "both nothing": 1.0}
if seen["equal"] < 3e7 or any(seen[name] != value for name, value in expected.items()):
    sys.exit("The behavior has changed: the agreement is another.")
PY
