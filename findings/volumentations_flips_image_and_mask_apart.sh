#!/usr/bin/env bash
# volumentations flips the image and its mask along axes that each of them draws for itself.
#
# Versions: volumentations-3D 1.0.4, NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0, OpenCV 5.0.0.93.
# Behavior: Flip without an axis chooses one of seven combinations of axes where it is applied, once for the image and
#     once more for the mask. They fit in one of seven cases. With an axis, and by RandomRotate90, both turn alike.
# Expected: a transform of image and mask together, which is what the package and its base class are for.
# Seen: of 700 flipped pairs of a volume and its own mask about 100 still fit.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 scikit-image==0.26.0 opencv-python==5.0.0.93 volumentations-3D==1.0.4
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import random
import sys
from importlib.metadata import version

import numpy as np
from volumentations import Compose, Flip, RandomRotate90

print({name: version(name) for name in ("volumentations-3D", "numpy", "scipy", "scikit-image", "opencv-python")})
random.seed(0)
np.random.seed(0)
volume = np.zeros((24, 24, 24), np.float32)
volume[2:6, 4:9, 10:12] = 1
seen = {}
for name, transform in {"Flip()": Flip(p=1), "Flip(0)": Flip(0, p=1), "RandomRotate90()": RandomRotate90(p=1)}.items():
    both = Compose([transform], p=1)
    fit = 0
    for _ in range(700):
        out = both(image=volume.copy(), mask=volume.astype(np.uint8))
        fit += np.array_equal(out["image"] > 0, out["mask"] > 0)
    seen[name] = fit
    print(f"{name}: image and mask fit in {fit} of 700")
if not 50 < seen["Flip()"] < 150 or seen["Flip(0)"] != 700 or seen["RandomRotate90()"] != 700:
    sys.exit("The behavior has changed: other pairs fit.")
PY
