#!/usr/bin/env bash
# Of several classes that a rule of wsiprocess includes in another one, only the last is included.
#
# Versions: wsiprocess 1.1.1, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: every included class is joined with the mask as it was at the beginning, and the result replaces the one
#     before.
# Expected: the class together with all classes of its list.
# Seen: benign tissue of 3 columns, stroma of 2 and fat of 2. With stroma and fat included benign has 5 columns instead
#     of 7, and stroma is missing; in the other order fat is.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 pandas==2.3.3 pillow==11.3.0 lxml==6.0.2 \
    opencv-python-headless==4.11.0.86 psutil==7.1.3 tqdm==4.67.1 openslide-python==1.4.7 openslide-bin==4.0.0.14
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps wsiprocess==1.1.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from wsiprocess.annotation import Annotation
from wsiprocess.rule import Rule

print({name: version(name) for name in ("wsiprocess", "opencv-python-headless", "numpy")})
columns = {"benign": (0, 3), "stroma": (3, 5), "fat": (6, 8)}
seen = {}
for included in (["stroma", "fat"], ["fat", "stroma"]):
    annotation = Annotation(is_image=True)
    annotation.add_class(list(columns))
    for name, (first, last) in columns.items():
        mask = np.zeros((4, 10), np.uint8)
        mask[:, first:last] = 255
        annotation.from_image(mask, name)
    annotation.include_masks(Rule({"benign": {"includes": included, "excludes": []}}))
    seen[included[-1]] = [int(value > 0) for value in annotation.masks["benign"][0]]
    print(f"includes {included}: {seen[included[-1]]}")
if seen != {"fat": [1, 1, 1, 0, 0, 0, 1, 1, 0, 0], "stroma": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]}:
    sys.exit("The behavior has changed: the masks are others.")
PY
