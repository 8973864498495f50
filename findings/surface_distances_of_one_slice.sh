#!/usr/bin/env bash
# A slice saved as a volume has a fifth of the surface distance that the same slice has as a picture.
#
# Versions: MONAI 1.6.1, MedPy 0.5.2, surface-distance 0.1, PyTorch 2.13.0, SciPy 1.17.1, NumPy 2.4.6.
# Behavior: outside of the volume is background, so each pixel of an object in a volume of one slice, (H, W, 1) or (1,
#     H, W), is a surface: above and below it there is nothing. The distances are averaged over the whole object, which
#     lies mostly inside the other one, instead of over its outline. All three libraries do so without a word.
# Expected: the same numbers as for the arrays without the axis of length 1, which adds nothing to compare.
# Seen: two discs of radius 15, 6 pixels apart. As (64, 64) and as (64, 64, 1): 95 % Hausdorff distance of MONAI 6.0 and
#     4.4, of MedPy 6.0 and 4.5, of surface-distance 6.0 and 4.0; average surface distance of MONAI and MedPy 3.5 and
#     0.7, of surface-distance 3.4 and 0.6; surface Dice at 2 pixels of MONAI 0.31 and 0.84, of surface-distance 0.30
#     and 0.87.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 scipy==1.17.1 monai==1.6.1 medpy==0.5.2 surface-distance==0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import surface_distance
import torch
from medpy.metric.binary import assd, hd95
from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

print({name: version(name) for name in ("monai", "medpy", "surface-distance", "torch", "scipy", "numpy")})
y, x = np.mgrid[:64, :64]
discs = [(y - 30) ** 2 + (x - center) ** 2 <= 15**2 for center in (30, 36)]


def measured(first, second):
    """HD95, average surface distance and surface Dice at 2 pixels by each library."""
    pair = [torch.from_numpy(mask)[None, None].float() for mask in (first, second)]
    distances = surface_distance.compute_surface_distances(first, second, (1.0,) * first.ndim)
    there, back = surface_distance.compute_average_surface_distance(distances)
    rows = {
        "MONAI": (
            compute_hausdorff_distance(*pair, include_background=True, percentile=95),
            compute_average_surface_distance(*pair, include_background=True, symmetric=True),
            compute_surface_dice(*pair, class_thresholds=[2.0], include_background=True),
        ),
        "MedPy": (hd95(first, second), assd(first, second), np.nan),
        "surface-distance": (
            surface_distance.compute_robust_hausdorff(distances, 95),
            (there + back) / 2,
            surface_distance.compute_surface_dice_at_tolerance(distances, 2),
        ),
    }
    return {name: [round(float(value), 2) for value in row] for name, row in rows.items()}


picture, volume = measured(*discs), measured(*(disc[..., None] for disc in discs))
for name in picture:
    print(f"{name}: HD95, average and surface Dice as (64, 64) {picture[name]}, as (64, 64, 1) {volume[name]}")
smaller = all(volume[name][0] < picture[name][0] and volume[name][1] < picture[name][1] / 3 for name in picture)
better = all(volume[name][2] > 2 * picture[name][2] for name in ("MONAI", "surface-distance"))
if not (smaller and better):
    sys.exit("The behavior has changed: the slice is measured as the picture is.")
PY
