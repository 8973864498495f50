#!/usr/bin/env bash
# MONAI's FillHoles deletes a lesion inside an organ, and does so in the array that it was given.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: whatever lies wholly within one class becomes that class, other classes too, not only background. From class
#     indices the lesion is gone; in one-hot masks its pixels are of two classes afterwards. (The result is written into
#     the input, so the lesion is also gone from the array that the caller still has.)
# Expected: holes alone are filled; the documentation defines a hole as "a background pixel/voxel which is only enclosed
#     by a single class" and says that label 0 is the background.
# Seen: an organ (1) of 7 x 7 pixels around a lesion (2) of 9: from indices 49 pixels of the organ and none of the
#     lesion, from one-hot masks 49 and 9. With applied_labels=2 all is as it was.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 scipy==1.17.1 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.transforms import FillHoles

print({name: version(name) for name in ("monai", "torch", "scipy", "numpy")})
organ = torch.zeros(1, 9, 9)
organ[0, 1:8, 1:8] = 1
organ[0, 3:6, 3:6] = 2
one_hot = torch.nn.functional.one_hot(organ[0].long(), 3).movedim(-1, 0)
seen = {}
for name, transform in (("all labels", FillHoles()), ("label 2 alone", FillHoles(applied_labels=2))):
    given = organ.clone()
    filled = transform(given)
    seen[name] = [int((filled == label).sum()) for label in range(3)]
    left = int((given == 2).sum())
    print(f"{name}: pixels of background, organ, lesion {seen[name]}; {left} of the lesion left in the input")
seen["one-hot"] = FillHoles()(one_hot.clone()).sum((1, 2)).tolist()
print("one-hot:", seen["one-hot"])
if seen["all labels"] != [32, 49, 0] or seen["one-hot"] != [32, 49, 9]:
    sys.exit("The behavior has changed: the lesion is kept.")
PY
