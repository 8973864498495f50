#!/usr/bin/env bash
# scikit-radiomics' correlation of neighboring voxels is half of what it is: 0.49 where it is 0.98.
#
# Versions: scikit-radiomics 1.0.0, scikit-image 0.25.2, SimpleITK 2.5.7, NumPy 2.2.6.
# Behavior: the covariance of the co-occurrence matrix is divided by the sum of both variances instead of the product of
#     both standard deviations. As the variances are nearly the same, the result is half of the correlation, between
#     −0.5 and 0.5. Only a lesion of one gray level has 1, by a rule of its own.
# Expected: a correlation, between −1 and 1, as in scikit-image.
# Seen: lesions of 60 × 60 × 60 voxels with two gray levels, scikit-image in a slice in parentheses. In two halves:
#     0.488 (0.975). In squares of ten voxels: 0.390 (0.761). One gray level: 1 (1).
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
from skimage.feature import graycomatrix, graycoprops
from skradiomics.utils.modules import FEATURE_EXTRACTORS

print({name: version(name) for name in ("scikit-radiomics", "scikit-image", "simpleitk", "numpy")})


def correlation(lesion: np.ndarray) -> float:
    padded, mask = np.pad(lesion, 3), np.pad(np.ones(lesion.shape, np.uint8), 3)
    images = sitk.GetImageFromArray(padded), sitk.GetImageFromArray(mask)
    return round(float(FEATURE_EXTRACTORS.get("glcm")(*images, {"binWidth": 100})["Correlation_Distance1"]), 3)


def known(lesion: np.ndarray) -> float:
    levels = (lesion[0] // 100).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrices = graycomatrix(levels, [1], angles, levels=8).sum(axis=3, keepdims=True)
    return round(float(graycoprops(matrices, "correlation")[0, 0]), 3)


halves = np.full((60, 60, 60), 150, np.float32)
halves[:, :, 30:] = 350
checks = np.tile(np.kron(np.indices((6, 6)).sum(axis=0) % 2 * 200 + 150, np.ones((10, 10))), (60, 1, 1))
seen = {}
for name, lesion in (("halves", halves), ("squares", checks.astype(np.float32)), ("uniform", halves * 0 + 150)):
    seen[name] = correlation(lesion), known(lesion)
    print(f"{name}: {seen[name][0]}; scikit-image in a slice: {seen[name][1]}")
if seen != {"halves": (0.488, 0.975), "squares": (0.39, 0.761), "uniform": (1.0, 1.0)}:
    sys.exit("The behavior has changed: the correlations are others.")
PY
