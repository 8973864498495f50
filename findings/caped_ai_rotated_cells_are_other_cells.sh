#!/usr/bin/env bash
# Two cells become 33 where caped-ai-augmentations rotates a label image.
#
# Versions: caped-ai-augmentations 1.2.0, SciPy 1.17.1, NumPy 1.26.4.
# Behavior: labels are rotated and zoomed with splines of the third degree, as images are. Along the border of a cell
#     there are numbers between that of the cell and 0, above it as well. Flips and shifts are right.
# Expected: the two numbers; "label: Integer label images".
# Seen: cells number 7 and 40, each 512 voxels. Rotated by 30 degrees: 33 numbers, up to 48. Zoomed by 1.3: 48 numbers,
#     up to 53, in floats. Rotated by 90 degrees, shifted, flipped: 7 and 40.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.17.1 scikit-learn==1.9.1 albumentations==1.3.1 opencv-python-headless==4.11.0.86 \
    photutils==1.13.0 natsort==8.4.0 pandas==2.3.3 dask==2026.8.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps caped-ai-augmentations==1.2.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from caped_ai_augmentations import AugmentZYX

print({name: version(name) for name in ("caped-ai-augmentations", "scipy", "numpy")})
labels = np.zeros((1, 16, 32, 32), np.uint16)
labels[0, 4:12, 6:14, 6:14] = 40
labels[0, 4:12, 18:26, 18:26] = 7
images = np.where(labels > 0, 1000, 100).astype(np.uint16)
seen = {}
for name, settings in (
    ("rotated by 30 degrees", {"rotate_axis": 1, "rotate_angle": 30}),
    ("rotated by 90 degrees", {"rotate_axis": 1, "rotate_angle": 90}),
    ("zoomed by 1.3", {"zoom_axis": "same", "zoom_range": 1.3}),
    ("shifted", {"shift_axis": 2, "shift_range": 0.1}),
    ("flipped", {"flip_axis": 2}),
):
    _, (augmented,) = next(AugmentZYX(**settings).build(images, labels, batch_size=1))
    numbers = np.unique(augmented[augmented > 0])
    seen[name] = numbers.size, int(numbers.max()), augmented.dtype.name
    print(f"{name}: {seen[name][0]} numbers, the highest {seen[name][1]}, {seen[name][2]}")
expected = {
    "rotated by 30 degrees": (33, 48, "uint16"),
    "rotated by 90 degrees": (2, 40, "uint16"),
    "zoomed by 1.3": (48, 53, "float64"),
    "shifted": (2, 40, "uint16"),
    "flipped": (2, 40, "uint16"),
}
if seen != expected:
    sys.exit("The behavior has changed: the labels are others.")
PY
