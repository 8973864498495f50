#!/usr/bin/env bash
# pyfeats' run length features do not look at the mask: what surrounds a lesion changes ten of eleven.
#
# Versions: pyfeats 1.0.1, NumPy 2.2.6, scikit-image 0.25.2.
# Behavior: the mask is handed on to the functions that count the runs, and not used there. Runs of the whole image are
#     counted. "Long run low gray level emphasis" is multiplied and divided by the same numbers, and is 1.
# Expected: features of the pixels of the mask, which is described as 1 where pixels belong to the region.
# Seen: a lesion of 32 × 32 pixels with gray values of 40 to 59, in tissue that is alike and in other tissue: high gray
#     level run emphasis is 2393 and 16529, and 10 of 11 features change. The 11th is 1 in both, and in a striped image.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-image==0.25.2 \
    opencv-python-headless==4.11.0.86 matplotlib==3.10.8 mahotas==1.4.18 PyWavelets==1.8.0
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps pyfeats==1.0.1
cd "$work"
MPLBACKEND=Agg "$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
import pyfeats

print({name: version(name) for name in ("pyfeats", "numpy")})
random = np.random.default_rng(0)
image = random.integers(40, 60, (64, 64))
mask = np.zeros((64, 64))
mask[16:48, 16:48] = 1
other = np.where(mask > 0, image, random.integers(0, 255, (64, 64)))
stripes = np.repeat(np.arange(40, 104, 8), 8)[:, None] * np.ones((1, 64), int)
values, names = pyfeats.glrlm_features(image, mask)
changed, _ = pyfeats.glrlm_features(other, mask)
striped, _ = pyfeats.glrlm_features(stripes, mask)
differ = [name for name, first, second in zip(names, values, changed) if not np.isclose(first, second)]
constant = names.index("GLRLM_LongRunLowGrayLevelEmphasis")
high = names.index("GLRLM_HighGrayLevelRunEmphasis")
print(f"{names[high]}: {values[high]:.0f}, in other tissue {changed[high]:.0f}")
print(f"features that change: {len(differ)} of {len(names)}")
print(f"{names[constant]}: {values[constant]:.3f}, {changed[constant]:.3f}, of stripes {striped[constant]:.3f}")
if len(differ) != 10 or not np.allclose([item[constant] for item in (values, changed, striped)], 1):
    sys.exit("The behavior has changed: the features are others.")
PY
