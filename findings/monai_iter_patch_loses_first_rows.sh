#!/usr/bin/env bash
# MONAI's iter_patch loses the first rows of an array that has no channels.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: it asks for padding by the size of a patch along each axis, but the function that pads takes the first axis
#     for channels and leaves it as it is. The iteration goes on as if it had been padded: it begins one patch too late,
#     and patches at the other end are cut off or empty. If patches are to be copied back (the default), an exception
#     follows after the last one. An axis whose patch size is 0 or None, and mode=None, are right.
# Expected: every pixel in some patch; "array to iterate over" with "starting position in the array, default is 0 for
#     each dimension". It says of the padding's options alone that np.pad takes the first axis for channels.
# Seen: 6 x 6 pixels in patches of 3 x 3: two patches of 3 x 3 and two of 0 x 3, with 18 of 36 pixels; a volume of 6 x 6
#     x 6 in patches of 3 x 3 x 3: 108 of 216. With a channel before them and None for it: all of them.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from monai.data.utils import iter_patch

print({name: version(name) for name in ("monai", "torch", "numpy")})
seen = {}
for shape, size, mode in (
    ((6, 6), (3, 3), "wrap"),
    ((6, 6, 6), (3, 3, 3), "wrap"),
    ((1, 6, 6), (None, 3, 3), "wrap"),
    ((6, 6), (3, 3), None),
):
    image = np.arange(np.prod(shape)).reshape(shape)
    patches = [patch for patch, _ in iter_patch(image, size, mode=mode, copy_back=False)]
    seen[shape, mode] = len(np.unique(np.concatenate([patch.ravel() for patch in patches])))
    print(f"{shape} in patches of {size}, mode {mode}: {seen[shape, mode]} of {image.size} pixels,", end=" ")
    print(f"patches of {sorted({patch.shape for patch in patches})}")
try:
    for patch, _ in iter_patch(np.zeros((6, 6)), (3, 3)):
        patch += 1
    sys.exit("The behavior has changed: patches are copied back.")
except ValueError as error:
    print(f"copied back: ValueError {error}")
if list(seen.values()) != [18, 108, 36, 36]:
    sys.exit("The behavior has changed: other pixels are in the patches.")
PY
