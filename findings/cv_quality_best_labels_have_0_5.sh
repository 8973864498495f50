#!/usr/bin/env bash
# cv-quality gives the best labels a quality of 0.5, however sure they are, and flags all with a threshold above.
#
# Versions: cv-quality 1.0.1, cleanlab 2.9.0, NumPy 2.2.6.
# Behavior: the normalized margin, the default, compares the probability of a label with the largest one, its own
#     included, so it is at most 0; half of it plus 0.5 is the quality. Every label that is the most probable class has
#     0.5. With the default threshold all others are issues, however close they are.
# Expected: "a quality score in [0, 1], higher = cleaner": near 1 for what the model is sure of, as cleanlab's
#     normalized margin, which compares with the best other class.
# Seen: labels with probabilities of 0.99, 0.34 (others 0.33), 0.49 (other 0.51) and 0.1 (other 0.9), cleanlab in
#     parentheses: 0.5 (0.99), 0.5 (0.505), 0.49 (0.49), 0.1 (0.1). Issues with a threshold of 0.6: all, a label with
#     0.99 as well; of cleanlab's scores the three others.
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
from cleanlab.rank import get_normalized_margin_for_each_label
from cvquality.quality.label_quality import LabelQualityScorer

print({name: version(name) for name in ("cv-quality", "cleanlab", "numpy")})
probabilities = np.array([[0.99, 0.01, 0.0], [0.34, 0.33, 0.33], [0.49, 0.51, 0.0], [0.1, 0.9, 0.0]])
labels = np.zeros(4, int)
scorer = LabelQualityScorer(probabilities, labels)
seen = scorer.quality_scores().round(3).tolist()
known = get_normalized_margin_for_each_label(labels, probabilities)
issues = scorer.find_label_issues(threshold=0.6).tolist()
print(f"quality {seen}, cleanlab {known.round(3).tolist()}")
print(f"issues with a threshold of 0.6: {issues}, cleanlab {(known < 0.6).tolist()}")
if seen != [0.5, 0.5, 0.49, 0.1] or not all(issues) or known[0] < 0.9:
    sys.exit("The behavior has changed: the qualities are others.")
PY
