#!/usr/bin/env bash
# MONAI's GridSplit loses rows and columns in the middle of an image that the grid does not divide.
#
# Versions: MONAI 1.6.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: patches have the size of the image by that of the grid, rounded down; the first one begins at the first row
#     and the last one ends at the last row, with equal steps (rounded down as well) between them. What does not fit is
#     left out between the patches, and after the last one if the steps were rounded, too, without a word.
# Expected: every pixel in some patch (patches that overlap, or a padded last one), or an error. The documentation tells
#     only of 10 x 10 pixels in a grid of 2 x 2.
# Seen: 7 x 7 pixels in the default grid of 2 x 2: row 3 and column 3 are in no patch, 13 of 49 pixels. 1023 x 1023 in
#     4 x 4: 6129 pixels. A line of label pixels in the middle of a mask is gone.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 monai==1.6.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.transforms import GridSplit

print({name: version(name) for name in ("monai", "torch", "numpy")})


def left_out(side, grid):
    """Rows that are in no patch, and how many pixels are not."""
    image = torch.arange(side * side, dtype=torch.int64).reshape(1, side, side)
    there = torch.zeros(side * side, dtype=torch.bool)
    for patch in GridSplit((grid, grid))(image):
        there[patch.flatten()] = True
    there = there.reshape(side, side)
    return torch.nonzero(~there.any(1)).flatten().tolist(), int((~there).sum())


seen = {(side, grid): left_out(side, grid) for side, grid in ((10, 2), (7, 2), (11, 3), (1023, 4))}
for (side, grid), (rows, pixels) in seen.items():
    print(f"{side} x {side} pixels in {grid} x {grid}: in no patch are rows {rows}, {pixels} pixels")
vessel = torch.zeros(1, 7, 7)
vessel[:, 3] = 1
left = int(torch.stack(GridSplit()(vessel)).sum())
print(f"mask with a line of 7 pixels in row 3: {left} of them in the patches")
if seen[10, 2] != ([], 0) or seen[7, 2] != ([3], 13) or seen[1023, 4][1] != 6129 or left:
    sys.exit("The behavior has changed: other pixels are left out.")
PY
