#!/usr/bin/env bash
# MONAI takes voxels labeled -1 (not labeled, ignore) for foreground when it chooses where to crop.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: map_binary_to_indices, and so FgBgToIndicesd and RandCropByPosNegLabeld, take every value that is not 0 for
#     foreground. In a sparsely labeled volume most "positive" crops have their middle where nobody labeled anything.
#     map_classes_to_indices of the same library counts only the classes.
# Expected: foreground is a label above 0.
# Seen: 9 labeled foreground pixels, 791 of background, 800 of -1: 809 pixels of foreground; by class: 791 and 9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.transforms.utils import map_binary_to_indices, map_classes_to_indices

print({name: version(name) for name in ("monai", "torch", "numpy")})
label = torch.zeros(1, 40, 40)
label[:, :, 20:] = -1
label[:, 5:8, 5:8] = 1
foreground, background = (len(indices) for indices in map_binary_to_indices(label))
classes = [len(indices) for indices in map_classes_to_indices(label, num_classes=2)]
print("labeled as 1:", int((label == 1).sum()), "taken for foreground:", foreground, "background:", background, "by class:", classes)
if (foreground, background, classes) != (809, 791, [791, 9]):
    sys.exit("The behavior has changed: pixels of -1 are counted otherwise.")
PY
