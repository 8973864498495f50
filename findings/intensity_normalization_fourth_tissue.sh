#!/usr/bin/env bash
# intensity-normalization divides by the third tissue where the fourth is asked for: white matter becomes 1.33 instead
# of 1.
#
# Versions: intensity-normalization 3.0.1, scikit-fuzzy 0.5.0, NumPy 2.4.6, SciPy 1.17.1, nibabel 5.4.2.
# Behavior: FCMNormalizer looks for n_clusters tissues and picks the brightest as white matter, but then divides by the
#     mean of the third darkest one, whatever n_clusters is; for gray matter by that of the second. The mean that was
#     picked is kept and not used.
# Expected: n_clusters=4 for images with one more tissue, a mean of 1 in the brightest.
# Seen: four tissues of 100, 200, 300 and 400, n_clusters=4: they become 0.33, 0.67, 1.00 and 1.33.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scipy==1.17.1 nibabel==5.4.2 scikit-fuzzy==0.5.0 intensity-normalization==3.0.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from intensity_normalization import FCMNormalizer, TissueType, create_image

names = ("intensity-normalization", "scikit-fuzzy", "numpy", "scipy", "nibabel")
print({name: version(name) for name in names})
rng = np.random.default_rng(0)
image = np.zeros((32, 32, 32), np.float32)
for tissue, value in enumerate((100, 200, 300, 400)):
    image[2:30, 2 + 7 * tissue:9 + 7 * tissue, 2:30] = value
image += rng.normal(0, 3, image.shape) * (image > 0)
np.random.seed(0)
normalizer = FCMNormalizer(n_clusters=4, tissue_type=TissueType.WM)
adapted = create_image(image)
normalized = normalizer.fit(adapted).transform(adapted).get_data()
seen = [round(float(normalized[2:30, 2 + 7 * tissue:9 + 7 * tissue, 2:30].mean()), 2) for tissue in range(4)]
picked = round(normalizer._tissue_mean)
print(f"four tissues become {seen}; the mean of white matter that was picked is {picked}")
if not np.allclose(seen, [0.33, 0.67, 1, 1.33], atol=0.01) or picked != 400:
    sys.exit("The behavior has changed: the tissues have other values.")
PY
