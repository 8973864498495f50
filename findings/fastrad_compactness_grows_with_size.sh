#!/usr/bin/env bash
# Compactness 1 of fastrad has no unit and yet grows with the size of a lesion: 26 where PyRadiomics has 0.05.
#
# Versions: fastrad 1.0.0, PyTorch 2.13.0, SciPy 1.17.1, scikit-image 0.26.0, NumPy 2.2.6.
# Behavior: "full parity with PyRadiomics". There compactness 1 is V / sqrt(pi A³), a number without a unit that is at
#     most 0.053, that of a sphere. fastrad divides by the area to the power of 2/3 instead of 3/2, so that a lesion
#     twice as large has three times the value. Compactness 2 and sphericity are right.
# Expected: the same value for the same shape.
# Seen: a sphere of radius 12 in voxels of 1 mm: 25.9, by the formula, from the volume and area of the same call, 0.047;
#     the same voxels with 2 mm: 82.2 and 0.047. Compactness 2: 0.79 and 0.79.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.2.6 scipy==1.17.1 scikit-image==0.26.0 simpleitk==2.5.7 pydicom==3.0.2
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps fastrad==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import math
import sys
from importlib.metadata import version

import numpy as np
import torch
from fastrad import FeatureExtractor, FeatureSettings, Mask, MedicalImage

print({name: version(name) for name in ("fastrad", "torch", "scipy", "scikit-image", "numpy")})
indices = np.indices((40, 40, 40))
sphere = torch.from_numpy((((indices - 20) ** 2).sum(axis=0) <= 12**2).astype(np.float32))
extractor = FeatureExtractor(FeatureSettings(feature_classes=["shape"], device="cpu"))
seen = {}
for spacing in (1.0, 2.0):
    features = extractor.extract(MedicalImage(sphere, (spacing,) * 3), Mask(sphere, (spacing,) * 3))
    volume, area = float(features["shape:mesh_volume"]), float(features["shape:surface_area"])
    values = features["shape:compactness_1"], volume / math.sqrt(math.pi * area**3), features["shape:compactness_2"]
    seen[spacing] = [round(float(value), digits) for value, digits in zip(values, (1, 3, 2))]
    print(f"voxels of {spacing} mm: volume {volume:.0f}, area {area:.0f}, compactness 1 {seen[spacing][0]}, by the "
          f"formula {seen[spacing][1]}, compactness 2 {seen[spacing][2]}")
if seen != {1.0: [25.9, 0.047, 0.79], 2.0: [82.2, 0.047, 0.79]}:
    sys.exit("The behavior has changed: the compactness is another one.")
PY
