#!/usr/bin/env bash
# LabelFusion's SIMPLE gives a class that nobody drew where half of the annotators say one class and half another.
#
# Versions: LabelFusion 1.0.15, SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: half of the weights is enough for a class, so both classes of a tie are set, and the result is the sum of
#     their numbers: 1 and 2 are 3, 1 and 4 are 5. With the numbering of BraTS (1, 2, 4), which its documentation uses,
#     1 and 2 become a class that no network has. STAPLE and the votings of the package give 0 there.
# Expected: one of the two classes, or background.
# Seen: two annotators call a tumor 1 and two 2: 243 voxels of 3; two annotators, 1 and 4: 243 voxels of 5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 simpleitk==2.5.7 setuptools==80.9.0 labelfusion==1.0.15
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
from LabelFusion.wrapper import fuse_images

print({name: version(name) for name in ("LabelFusion", "simpleitk", "numpy")})
rows, columns = np.ogrid[:32, :32]
tumor = np.repeat(((rows - 16) ** 2 + (columns - 16) ** 2 <= 25)[None], 3, axis=0)
seen = {}
for classes in ((1, 1, 2, 2), (1, 4), (1, 1, 2)):
    for method in ("SIMPLE", "MajorityVoting", "STAPLE"):
        images = [sitk.GetImageFromArray((tumor * number).astype(np.uint8)) for number in classes]
        fused = sitk.GetArrayFromImage(fuse_images(images, method, [0, 1, 2, 4]))
        seen[classes, method] = np.unique(fused[tumor]).astype(int).tolist()
        print(f"{tumor.sum()} voxels that annotators call {classes}, {method}: {seen[classes, method]}")
if [seen[classes, "SIMPLE"] for classes in ((1, 1, 2, 2), (1, 4), (1, 1, 2))] != [[3], [5], [1]]:
    sys.exit("The behavior has changed: SIMPLE gives other classes.")
PY
