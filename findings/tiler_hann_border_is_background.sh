#!/usr/bin/env bash
# With a Hann window tiler merges tiles to an image whose outermost pixels are 0, so class 0.
#
# Versions: tiler 0.6.0, NumPy 2.4.6.
# Behavior: the windows "hann", "bartlett", "bohman" and "barthann" are 0 at both ends. Where no other tile overlaps,
#     along the border of the image, the weights add up to 0, and 0 / 0 is set to 0 without a word. Probabilities are 0
#     for every class there, and argmax gives class 0. The other windows, "blackman" as well, return the image, apart
#     from "overlap-tile", whose documentation asks for padding.
# Expected: tiles that are merged as they were cut are the image, as with "triang" or "hamming", or a warning.
# Seen: an image of 40 x 40 pixels, all of class 1: 156 pixels of class 0, the first and the last row and column.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 tqdm==4.70.1 tiler==0.6.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from tiler import Merger, Tiler

print({name: version(name) for name in ("tiler", "numpy")})
image = np.zeros((40, 40), np.float32)
seen = {}
for window in ("boxcar", "triang", "hamming", "blackman", "hann", "bartlett", "bohman", "barthann"):
    tiler = Tiler(data_shape=image.shape, tile_shape=(16, 16), overlap=(8, 8))
    merger = Merger(tiler, window=window, logits=2)
    for index, tile in tiler(image):
        merger.add(index, np.stack([np.full_like(tile, 0.1), np.full_like(tile, 0.9)]))
    classes = merger.merge(argmax=True)
    seen[window] = int((classes == 0).sum()), int((classes[1:-1, 1:-1] == 0).sum())
    print(f"{window}: {seen[window][0]} pixels of class 0, {seen[window][1]} of them not at the border")
expected = {window: (0, 0) for window in ("boxcar", "triang", "hamming", "blackman")}
expected |= {window: (156, 0) for window in ("hann", "bartlett", "bohman", "barthann")}
if seen != expected:
    sys.exit("The behavior has changed: other pixels are 0.")
PY
