#!/usr/bin/env bash
# scikit-radiomics leaves the lowest gray level of a lesion out of its texture if the mask fills the image.
#
# Versions: scikit-radiomics 1.0.0, scikit-image 0.25.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the co-occurrence matrix is a histogram over the range of the values that are there, whose first row and
#     column, meant for what is outside of the mask, are cut off. If nothing is outside, as in an image that was cropped
#     to its lesion, the first row is the lowest gray level, and the others lie in bins of another width.
# Expected: the same texture of the same lesion, with or without a margin around it.
# Seen: a lesion of four squares with three gray levels, the lowest in a quarter of it. With a margin of three voxels:
#     joint entropy 1.90, contrast 0.175, maximum probability 0.47. Cropped: 1.20, 0.048, 0.64.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scikit-image==0.25.2 simpleitk==2.5.7 \
    pykwalify==1.8.0 six==1.17.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps scikit-radiomics==1.0.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk
import skradiomics.feature_extraction
from skradiomics.utils.modules import FEATURE_EXTRACTORS

print({name: version(name) for name in ("scikit-radiomics", "scikit-image", "simpleitk", "numpy")})


def texture(lesion: np.ndarray, mask: np.ndarray) -> list:
    images = sitk.GetImageFromArray(lesion), sitk.GetImageFromArray(mask)
    features = FEATURE_EXTRACTORS.get("glcm")(*images, {"binWidth": 100})
    names = ("JointEntropy", "Contrast", "MaximumProbability")
    return [round(float(features[f"{name}_Distance1"]), 3) for name in names]


squares = np.array([[250, 350], [350, 150]], np.float32)
lesion = np.tile(np.kron(squares, np.ones((10, 10), np.float32)), (8, 1, 1))
mask = np.ones(lesion.shape, np.uint8)
seen = {"cropped": texture(lesion, mask), "with a margin": texture(np.pad(lesion, 3), np.pad(mask, 3))}
for name, values in seen.items():
    print(f"{name}: joint entropy, contrast, maximum probability {values}")
if seen != {"cropped": [1.196, 0.048, 0.635], "with a margin": [1.903, 0.175, 0.465]}:
    sys.exit("The behavior has changed: the texture is another.")
PY
