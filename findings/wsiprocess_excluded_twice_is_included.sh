#!/usr/bin/env bash
# What two rules of wsiprocess exclude is included: where malignant and uncertain overlap, tissue is benign.
#
# Versions: wsiprocess 1.1.1, OpenCV 4.11.0.86, NumPy 2.2.6.
# Behavior: every excluded class is taken out of the mask by an exclusive or with its overlap with the mask as it was at
#     the beginning; the second time this sets the pixels again.
# Expected: no pixel of an excluded class, as in the example of the documentation, where benign excludes these two.
# Seen: benign tissue of 10 columns, columns 2 to 5 of it malignant and 4 to 7 uncertain. Benign without them has
#     columns 0, 1, 4, 5, 8 and 9 instead of 0, 1, 8 and 9.
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
columns = {"benign": (0, 10), "malignant": (2, 6), "uncertain": (4, 8)}
annotation = Annotation(is_image=True)
annotation.add_class(list(columns))
for name, (first, last) in columns.items():
    mask = np.zeros((4, 10), np.uint8)
    mask[:, first:last] = 255
    annotation.from_image(mask, name)
annotation.exclude_masks(Rule({"benign": {"includes": [], "excludes": ["malignant", "uncertain"]}}))
seen = np.flatnonzero(annotation.masks["benign"][0]).tolist()
print("columns of benign without malignant and uncertain:", seen)
if seen != [0, 1, 4, 5, 8, 9]:
    sys.exit("The behavior has changed: the mask is another.")
PY
