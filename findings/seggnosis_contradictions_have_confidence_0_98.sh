#!/usr/bin/env bash
# seggnosis has a confidence of 0.98 in a model that contradicts itself in every pixel, and of 1 in one without a clue.
#
# Versions: seggnosis 0.2.1, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: the confidence is 1 minus the mean uncertainty, divided by the largest entropy of that number of classes,
#     also where the uncertainty is a variance, as it is by default for flipped and turned images. The mean variance of
#     the classes is at most a quarter for two and less for more, so the confidence cannot become small.
# Expected: "scalar summary in [0, 1], 1 = fully confident", small where the flipped images say something else, and
#     alike for all measures.
# Seen: a model that says class 1 or 2 by the side of the image, so that flips contradict each other everywhere.
#     Confidence with 2, 5 and 10 classes: 0.68, 0.95 and 0.98. A model with equal probabilities for all classes: 1.
#     With entropy as uncertainty the first has 0.09 with 2 classes, the second 0.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6
"$work/venv/bin/python" -m pip install --quiet --no-compile --no-deps seggnosis==0.2.1
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import seggnosis
import torch

print({name: version(name) for name in ("seggnosis", "torch", "numpy")})


class Model(torch.nn.Module):
    def __init__(self, classes: int, sure: float) -> None:
        super().__init__()
        self.classes = classes
        self.sure = torch.nn.Parameter(torch.tensor(sure))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        logits = -self.sure * torch.ones(1, self.classes, *image.shape[2:])
        left = torch.arange(image.shape[-1]) < image.shape[-1] // 2
        logits[:, 0] = torch.where(left, self.sure, -self.sure)
        logits[:, 1] = -logits[:, 0]
        return logits


seen = {}
for name, sure in (("contradicts itself", 20.0), ("knows nothing", 0.0)):
    for measure in ({}, {"uncertainty": "entropy"}):
        values = []
        for classes in (2, 5, 10):
            trusted = seggnosis.wrap(Model(classes, sure), method="tta", **measure)
            values.append(round(trusted.predict(torch.zeros(1, 1, 16, 16)).confidence, 2))
        seen[name, *measure.values()] = values
        print(f"{name}, {measure.get('uncertainty', 'default')}: confidence with 2, 5 and 10 classes {values}")
known = {("contradicts itself",): [0.68, 0.95, 0.98], ("knows nothing",): [1.0, 1.0, 1.0]}
if any(seen[name] != values for name, values in known.items()) or max(seen["knows nothing", "entropy"]) > 0.01:
    sys.exit("The behavior has changed: the confidence is another.")
PY
