#!/usr/bin/env bash
# With scikit-image 0.26 MONAI removes objects of the smallest size that it was asked to keep.
#
# Versions: MONAI 1.6.1, scikit-image 0.26.0 and 0.25.2, PyTorch 2.13.0, NumPy 2.2.6.
# Behavior: scikit-image 0.26 replaced min_size, below which objects are removed, by max_size, up to which they are, and
#     takes the value of the old argument for the new one as it is. MONAI's RemoveSmallObjects hands over min_size. The
#     warning says that the new argument has another threshold than the old one had, not that the old one has it now.
# Expected: "objects smaller than this size [...] are removed", with any scikit-image; a deprecated argument means what
#     it meant until it is gone.
# Seen: objects of 4, 5 and 6 pixels, min_size=5: 5 and 6 are left with scikit-image 0.25.2, 6 alone with 0.26.0; so are
#     they by measure, with pixels of 4 mm2 and 20 mm2, and by scikit-image itself. Of min_size=1 nothing should go, and
#     single pixels do.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.2.6 monai==1.6.1
cd "$work"
for release in 0.25.2 0.26.0; do
    "$work/venv/bin/python" -m pip install --quiet --no-compile scikit-image=="$release"
    "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from monai.transforms import RemoveSmallObjects
from skimage.morphology import remove_small_objects

print({name: version(name) for name in ("monai", "scikit-image", "torch", "numpy")})
mask = torch.zeros(1, 10, 12)
for row, pixels in ((1, 4), (4, 5), (7, 6)):
    mask[0, row, 1 : 1 + pixels] = 1


def left(result):
    return [int(value) for value in result.sum(-1) if value]


seen = [
    left(RemoveSmallObjects(min_size=5)(mask)[0]),
    left(RemoveSmallObjects(min_size=20, by_measure=True, pixdim=(2, 2))(mask)[0]),
    left(remove_small_objects(mask[0].numpy() > 0, min_size=5)),
]
single = torch.zeros(1, 3, 3)
single[0, 1, 1] = 1
seen.append(int(RemoveSmallObjects(min_size=1)(single).sum()))
print(f"of 4, 5, 6 pixels, min_size=5: MONAI {seen[0]}, 20 mm2 {seen[1]}, scikit-image {seen[2]}; of 1, 1: {seen[3]}")
kept, pixel = ([5, 6], 1) if version("scikit-image") == "0.25.2" else ([6], 0)
sys.exit(0 if seen == [kept, kept, kept, pixel] else "The behavior has changed: other objects are left.")
PY
done
