#!/usr/bin/env bash
# brle empties a mask by decoding it: what is saved afterwards has nothing left.
#
# Versions: brle-python 0.1.0, NumPy 2.3.5.
# Behavior: the lengths of the runs are taken out of the encoded mask one by one while it is decoded.
# Expected: a function that returns the mask and leaves its argument as it was.
# Seen: three encoded masks are decoded for a look at them and then written to a file: it has 0 bytes instead of 240. To
#     decode one a second time fails.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile brle-python==0.1.0 numpy==2.3.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from brle import decode, encode

print({name: version(name) for name in ("brle-python", "numpy")})
masks = []
for size in (4, 8, 12):
    mask = np.zeros((40, 40), np.uint8)
    mask[10 : 10 + size, 10 : 10 + size] = 1
    masks.append(encode(mask))
full = sum(len(encoded.tobytes()) for encoded in masks)
areas = [int(decode(encoded).sum()) for encoded in masks]
with Path("masks.rle").open("wb") as file:
    for encoded in masks:
        file.write(encoded.tobytes())
left = Path("masks.rle").stat().st_size
print(f"pixels of the decoded masks: {areas}; bytes before: {full}, in the file: {left}")
try:
    decode(masks[0])
    again = "no error"
except ValueError as error:
    again = str(error)
print("decoded again:", again)
if areas != [16, 64, 144] or left or again == "no error":
    sys.exit("The behavior has changed: the masks are still there.")
PY
