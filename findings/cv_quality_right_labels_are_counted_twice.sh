#!/usr/bin/env bash
# cv-quality estimates that half of the labels are wrong where all are right, if one class is hard to recognize.
#
# Versions: cv-quality 1.0.1, cleanlab 2.9.0, NumPy 2.2.6.
# Behavior: the joint matrix of given and true labels counts an image in each class whose probability is above that
#     class's threshold, the mean probability in its own images. Of a class that is hard to recognize the threshold is
#     low, so images of the others count for it, too. Confident learning, which it says it follows, counts an image only
#     once, in the most probable of these classes.
# Expected: shares of the images, "P(given, true)", and an error rate near that of cleanlab.
# Seen: three classes of 100 images, the third with a probability of 0.4 in its own images and 0.42 in most of the
#     others; the most probable class is the given one in all 300. Error rate 0.48, cleanlab's 0.13.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile numpy==2.2.6 scipy==1.15.3 scikit-learn==1.7.2 \
    pandas==2.3.3 pillow==11.3.0 termcolor==3.1.0 tqdm==4.67.1
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps cv-quality==1.0.1 cleanlab==2.9.0
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import numpy as np
from cleanlab.count import compute_confident_joint
from cvquality.quality.label_quality import LabelQualityScorer

print({name: version(name) for name in ("cv-quality", "cleanlab", "numpy")})
random = np.random.default_rng(0)
labels = np.repeat([0, 1, 2], 100)
probabilities = np.zeros((300, 3))
for label in (0, 1):
    own = np.concatenate([random.uniform(0.575, 0.59, 90), random.uniform(0.5, 0.52, 10)])
    probabilities[labels == label, label] = own
    probabilities[labels == label, 2] = 1 - own
probabilities[labels == 2, 2] = random.uniform(0.39, 0.41, 100)
probabilities[labels == 2, :2] = (1 - probabilities[labels == 2, 2:]) / 2
right = (probabilities.argmax(axis=1) == labels).mean()
scorer = LabelQualityScorer(probabilities, labels)
rate = scorer.summary()["estimated_error_rate"]
counts = compute_confident_joint(labels, probabilities, calibrate=False)
known = 1 - np.trace(counts) / counts.sum()
print(f"labels that are the most probable class: {right:.2f}; error rate {rate:.2f}, cleanlab {known:.2f}")
print(f"joint matrix {scorer.confusion_matrix()[0].round(2).tolist()}, cleanlab's counts {counts.tolist()}")
if right != 1 or rate < 0.3 or known > 0.2:
    sys.exit("The behavior has changed: the error rate is another.")
PY
