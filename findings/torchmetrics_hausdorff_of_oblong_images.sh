#!/usr/bin/env bash
# TorchMetrics' Hausdorff distance is right in square images alone.
#
# Versions: TorchMetrics 1.9.0, PyTorch 2.13.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: distances are put where row times height plus column says, instead of row times width: in any image that is
#     not square they land in other pixels. In an image that is wider than tall the result is too large or too small
#     without a word; in one that is taller than wide an exception about an index follows. With another spacing or
#     metric likewise, and in HausdorffDistance, which calls the function. Known as TorchMetrics' issue 3300 (open),
#     which tells of the exception and says that wide images work.
# Expected: the same distance wherever the image ends. Its documented examples are square, and nothing excludes others.
# Seen: two single pixels 10 apart: 10 in an image of 30 x 30 pixels, 14.14 with ten more empty columns, an exception
#     with ten more empty rows. A wholly segmented image of 30 x 40 of which a square of 10 x 10 is right: 14.87 instead
#     of 22.36. Two stripes whose edges are 5 apart: 29.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 scipy==1.17.1 torchmetrics==1.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torchmetrics.functional.segmentation import hausdorff_distance

print({name: version(name) for name in ("torchmetrics", "torch", "scipy", "numpy")})


def masks(kind, shape):
    first, second = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    if kind == "pixels":
        first[5, 5] = second[5, 15] = 1
    elif kind == "stripes":
        first[:, :10] = second[:, :15] = 1
    else:
        first[:] = second[10:20, 10:20] = 1
    return first, second


def by_torchmetrics(first, second):
    tensors = (torch.from_numpy(mask)[None] for mask in (first, second))
    try:
        return round(hausdorff_distance(*tensors, 2, input_format="index").item(), 2)
    except IndexError:
        return "IndexError"


def by_scipy(first, second):
    """Of all pixels of the objects; none of these has its furthest pixel inside."""
    there, back = (distance_transform_edt(mask == 0) for mask in (second, first))
    return round(float(max(there[first > 0].max(), back[second > 0].max())), 2)


seen = {}
for shape in ((30, 30), (30, 40), (40, 30)):
    for kind in ("pixels", "stripes", "all and a square"):
        seen[shape, kind] = by_torchmetrics(*masks(kind, shape)), by_scipy(*masks(kind, shape))
        print(f"{shape[0]} x {shape[1]}, {kind}: TorchMetrics {seen[shape, kind][0]}, SciPy {seen[shape, kind][1]}")
square = all(ours == theirs for (shape, _), (ours, theirs) in seen.items() if shape == (30, 30))
wide = [seen[(30, 40), kind] for kind in ("pixels", "stripes", "all and a square")]
as_described = square and wide == [(14.14, 10.0), (29.0, 5.0), (14.87, 22.36)]
as_described &= seen[(40, 30), "pixels"][0] == "IndexError"
sys.exit(0 if as_described else "The behavior has changed.")
PY
