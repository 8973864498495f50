#!/usr/bin/env bash
# cleanlab lists one image more than those whose label quality is below the threshold, also if none is.
#
# Versions: cleanlab 2.9.0, NumPy 2.4.6.
# Behavior: segmentation.rank.issues_from_scores sorts the images by score, looks up how many are below the threshold
#     and returns one more. Its documentation: indices of the images whose score falls below the threshold. With the
#     scores of pixels it returns those below the threshold only.
# Expected: [3] for five images of which one is below, and an empty list for a clean data set.
# Seen: [3, 0] and [0].
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==2.4.6 scikit-learn==1.9.1 pandas==3.1.1 tqdm==4.70.1 termcolor==3.3.0 cleanlab==2.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from cleanlab.segmentation.rank import get_label_quality_scores, issues_from_scores

print({name: version(name) for name in ("cleanlab", "numpy")})
truth = np.zeros((5, 32, 32), int)
truth[:, 8:24, 8:24] = 1
probabilities = np.stack([1 - 0.98 * truth, 0.98 * truth], axis=1) * 0.98 + 0.01
labels = truth.copy()
labels[3] = 1 - labels[3]
seen = []
for name, given in (("one image labeled wrong", labels), ("all images labeled right", truth)):
    images, _ = get_label_quality_scores(given, probabilities, verbose=False)
    listed = issues_from_scores(images, threshold=0.5).tolist()
    seen.append((np.flatnonzero(images < 0.5).tolist(), listed))
    print(f"{name}: scores {images.round(2).tolist()}, below 0.5 {seen[-1][0]}, listed {listed}")
if [below for below, _ in seen] != [[3], []] or [len(listed) for _, listed in seen] != [2, 1]:
    sys.exit("The behavior has changed: other images are listed.")
PY
