#!/usr/bin/env bash
# In BioProps long nuclei that lie in different directions are round.
#
# Versions: BioProps 0.1.0, nibabel 5.3.2, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: the covariance matrices of all nuclei of an image are added up in the axes of the image, and elongation and
#     flatness are those of the sum, so they depend on how the nuclei are turned against each other. The volume, in the
#     same result, is the mean of the nuclei.
# Expected: the mean elongation of the nuclei, the same for the same nuclei.
# Seen: three nuclei of 20 x 5 x 5 voxels, parallel: elongation 0.25. One along each axis: 1.0, as of three balls.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 \
    nibabel==5.3.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps BioProps==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import json
import sys
from importlib.metadata import version

import nibabel as nib
import numpy as np
from bioprops import properties_from_nifti

print({name: version(name) for name in ("BioProps", "nibabel", "scikit-image", "numpy")})
seen = {}
for name, axes in {"parallel": (0, 0, 0), "along three axes": (0, 1, 2)}.items():
    nuclei = np.zeros((90, 90, 90), np.uint8)
    for number, axis in enumerate(axes):
        size = [5, 5, 5]
        size[axis] = 20
        start = 5 + 28 * number
        nuclei[tuple(slice(start, start + length) for length in size)] = 1
    nib.save(nib.Nifti1Image(nuclei, np.eye(4)), "nuclei.nii")
    properties = json.loads(properties_from_nifti("nuclei.nii"))
    seen[name] = [round(properties[f"Nuclear {what}"], 2) for what in ("Elongation", "Flatness", "Volume")]
    print(f"three nuclei of 20 x 5 x 5 voxels, {name}: elongation, flatness and volume {seen[name]}")
if seen != {"parallel": [0.25, 0.25, 500], "along three axes": [1, 1, 500]}:
    sys.exit("The behavior has changed: the nuclei have another shape.")
PY
