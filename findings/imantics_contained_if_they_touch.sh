#!/usr/bin/env bash
# imantics says that a mask is contained in another one if they have one pixel in common.
#
# Versions: imantics 0.1.12, NumPy 2.2.6, OpenCV 5.0.0.93.
# Behavior: "masks and arrays must be fully contained to return True". Mask.contains, and `in`, say True as soon as the
#     common area is above 0. Who assigns lesions to organs or nuclei to cells by them assigns each to all neighbors
#     that it overlaps.
# Expected: True only if all of the mask lies in the other one, as documented.
# Seen: an organ of 800 pixels; a lesion of 441 pixels of which 1 lies in it: contained. The organ in that lesion: as
#     well. Only a mask that has no pixel in common is not.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 opencv-python-headless==5.0.0.93 lxml==6.1.3 xmljson==0.2.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps imantics==0.1.12
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from imantics import Mask

print({name: version(name) for name in ("imantics", "numpy", "opencv-python-headless")})


def rectangle(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((100, 200), bool)
    mask[rows, columns] = True
    return mask


organ = rectangle(slice(20, 40), slice(60, 100))
masks = {
    "inside": rectangle(slice(25, 30), slice(70, 80)),
    "one pixel in common": rectangle(slice(39, 60), slice(99, 120)),
    "elsewhere": rectangle(slice(60, 80), slice(120, 140)),
}
seen = {}
for name, mask in masks.items():
    seen[name] = bool(Mask(organ).contains(Mask(mask))), Mask(mask) in Mask(organ), bool(Mask(mask).contains(organ))
    print(f"{name}, {int((mask & organ).sum())} of {int(mask.sum())} pixels in the organ: contained {seen[name][0]},")
    print(f"    by `in` {seen[name][1]}; the organ in it {seen[name][2]}")
if seen != {"inside": (True,) * 3, "one pixel in common": (True,) * 3, "elsewhere": (False,) * 3}:
    sys.exit("The behavior has changed: other masks are contained.")
PY
