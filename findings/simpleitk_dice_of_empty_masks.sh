#!/usr/bin/env bash
# The Dice coefficient of two empty masks is infinity in SimpleITK.
#
# Versions: SimpleITK 2.5.7, NumPy 2.4.6.
# Behavior: LabelOverlapMeasuresImageFilter divides by the sum of both volumes and substitutes a large number where that
#     is zero. The mean over cases is then infinite, or, for the volume similarity, about 1e308, so that a single case
#     without the structure decides the mean.
# Expected: NaN, 0, 1 or an error. A Dice coefficient is at most 1, and the volume similarity lies between -2 and 2.
# Seen: Dice inf, volume similarity 1.797e+308.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.4.6 simpleitk==2.5.7
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import SimpleITK as sitk

print({name: version(name) for name in ("simpleitk", "numpy")})
empty = sitk.GetImageFromArray(np.zeros((8, 8, 8), np.uint8))
measures = sitk.LabelOverlapMeasuresImageFilter()
measures.Execute(empty, empty)
dice, similarity = measures.GetDiceCoefficient(), measures.GetVolumeSimilarity()
print("Dice:", dice, "volume similarity:", similarity)
if not (dice > 1e300 and similarity > 1e300):
    sys.exit("The behavior has changed: two empty masks have another Dice coefficient.")
PY
