#!/usr/bin/env bash
# easy-mitk's surface area of an organ depends on the number of its label: 0.8 cm² as label 1, 2.0 as label 100.
#
# Versions: easy-mitk 0.0.2, VTK 9.5.2, nibabel 5.3.2, NumPy 2.2.6.
# Behavior: the surface is drawn where the interpolated numbers of the labels reach 1. For label 1 that is through the
#     middle of the outermost voxels, for higher ones nearer to the voxels outside, up to their middle.
# Expected: the surface of the mask, whichever number it has: halfway between the voxels in it and those outside.
# Seen: a vessel of 2 × 2 × 20 voxels of 1 mm has 1.68 cm² on the faces of its voxels. As label 1: 0.78; 2: 1.39; 5:
#     1.77; 100: 2.02. A cube of 20 mm has 24: 21.7, 23.3, 24.3 and 24.9.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 nibabel==5.3.2 vtk==9.5.2 pydicom==3.0.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps easy-mitk==0.0.2
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from easy_mitk.measure import surface_area

print({name: version(name) for name in ("easy-mitk", "vtk", "nibabel", "numpy")})
seen = {}
for name, size in (("vessel", (2, 2, 20)), ("cube", (20, 20, 20))):
    for label in (1, 2, 5, 100):
        mask = np.pad(np.full(size, label, np.uint8), 5)
        nib.save(nib.Nifti1Image(mask, np.eye(4)), "mask.nii")
        seen[name, label] = round(surface_area("mask.nii"), 2)
    areas = [seen[name, label] for label in (1, 2, 5, 100)]
    faces = 2 * (size[0] * size[1] + size[1] * size[2] + size[0] * size[2]) / 100
    print(f"{name}: faces of the voxels {faces} cm²; as label 1, 2, 5 and 100: {areas}")
if [area for (name, _), area in seen.items() if name == "vessel"] != [0.78, 1.39, 1.77, 2.02]:
    sys.exit("The behavior has changed: the areas are others.")
PY
