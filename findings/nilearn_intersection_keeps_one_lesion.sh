#!/usr/bin/env bash
# nilearn's intersect_masks keeps one lesion of those that all annotators drew.
#
# Versions: nilearn 0.14.1, nibabel 5.4.2, NumPy 2.2.6.
# Behavior: "connected: bool, default=True. If true, extract connected components", where the argument is described, is
#     the largest component only: of the masks of several annotators one object is left, the others are background, with
#     every threshold, for a union (0) as well. With connected=False all are left.
# Expected: what so many of the masks have in common, all of it.
# Seen: three annotators who drew the same lesion of 64 voxels and, two alike and one a voxel off, one of 512. Majority:
#     512 voxels by default, 576 with connected=False; the lesion that all agree on is the one that is lost.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.2.6 scipy==1.17.1 nibabel==5.4.2 pandas==2.3.3 scikit-learn==1.9.1 nilearn==0.14.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from nilearn.masking import intersect_masks

print({name: version(name) for name in ("nilearn", "nibabel", "numpy")})
masks = []
for first in (10, 10, 11):
    mask = np.zeros((24, 24, 24), np.uint8)
    mask[2:6, 2:6, 2:6] = 1
    mask[first : first + 8, 10:18, 10:18] = 1
    masks.append(nib.Nifti1Image(mask, np.eye(4)))
seen = {}
for options in ({}, {"connected": False}, {"threshold": 0}, {"threshold": 0, "connected": False}):
    common = intersect_masks(masks, **options).get_fdata()
    seen[str(options)] = int(common[:8, :8, :8].sum()), int(common[8:].sum())
    print(f"{options}: {seen[str(options)][0]} and {seen[str(options)][1]} voxels of the two lesions")
if list(seen.values()) != [(0, 512), (64, 512), (0, 576), (64, 576)]:
    sys.exit("The behavior has changed: other lesions are kept.")
PY
