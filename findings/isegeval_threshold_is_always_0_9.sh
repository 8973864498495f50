#!/usr/bin/env bash
# isegeval counts 20 clicks for every image if the threshold is set to 0.8.
#
# Versions: isegeval 0.1.0, SciPy 1.17.1, NumPy 1.26.4.
# Behavior: evaluate() stops clicking at its threshold, and the number of clicks is counted with another one, always
#     0.9, and 20 for those that do not reach it. An image that was stopped between 0.8 and 0.9 counts as failed.
#     max_clicks is not handed on either.
# Expected: the number of clicks to reach the threshold, max_clicks where it is not reached.
# Seen: a model with an IoU of 0.5, 0.85, 0.85 and 0.95 after each click. Threshold 0.9: 4 clicks. Threshold 0.8: 20
#     instead of 2. A model that stays at 0.5, max_clicks 10: 20 instead of 10.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    numpy==1.26.4 scipy==1.17.1 tqdm==4.70.1 isegeval==0.1.0
cd "$work"
"$work/venv/bin/python" -W ignore - 2>"$work/progress" <<'PY' || { cat "$work/progress"; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
from isegeval import evaluate

print({name: version(name) for name in ("isegeval", "scipy", "numpy")})
truth = np.zeros((20, 20))
truth[5:15, 5:15] = 1


class Model:
    def __init__(self, scores: list[float]):
        self.scores = list(scores)

    def get_model(self, image):
        return self

    def predict(self, click):
        score = self.scores.pop(0) if len(self.scores) > 1 else self.scores[0]
        prediction = np.zeros_like(truth)
        prediction[tuple(np.argwhere(truth > 0)[:round(100 * score)].T)] = 1
        return prediction


seen = []
better = [0.5, 0.85, 0.85, 0.95]
for scores, threshold, most in ((better, 0.9, 20), (better, 0.8, 20), ([0.5], 0.8, 10)):
    seen.append(float(evaluate([(truth, truth)], Model(scores), threshold=threshold, max_clicks=most)))
    print(f"IoU {scores} after each click, threshold {threshold}, at most {most}: {seen[-1]:.0f} clicks")
if seen != [4, 20, 20]:
    sys.exit("The behavior has changed: the number of clicks is another one.")
PY
