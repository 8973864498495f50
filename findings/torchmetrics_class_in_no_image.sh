#!/usr/bin/env bash
# A class that is in no mask scores -1, NaN or 0 in three metrics of one library; an empty image halves the last.
#
# Versions: TorchMetrics 1.9.0, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: in torchmetrics.segmentation MeanIoU marks a class that is neither in the prediction nor in the ground truth
#     by -1, DiceScore by NaN and GeneralizedDiceScore by 0, the score of a missed object. The first two leave out an
#     image that is rightly empty, GeneralizedDiceScore counts it as a failure.
# Expected: one convention in one library, and no failure for a prediction that equals the ground truth.
# Seen: a perfect prediction, classes 0 and 1 of four present: (1, 1, -1, -1), (1, 1, NaN, NaN), (1, 1, 0, 0);
#     two perfect images, one of them empty, without background: 1.0, 1.0, 0.5.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile torch==2.13.0 numpy==2.4.6 torchmetrics==1.9.0
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import torch
from torchmetrics.segmentation import DiceScore, GeneralizedDiceScore, MeanIoU

print({name: version(name) for name in ("torchmetrics", "torch", "numpy")})
mask = torch.zeros(1, 16, 16, dtype=torch.long)
mask[:, 4:8, 4:8] = 1
with_empty = torch.cat([mask, torch.zeros_like(mask)])
by_class, means = {}, {}
for metric_class, option in ((MeanIoU, {"per_class": True}), (DiceScore, {"average": "none"}), (GeneralizedDiceScore, {"per_class": True})):
    metric = metric_class(num_classes=4, input_format="index", **option)
    metric.update(mask, mask)
    by_class[metric_class.__name__] = metric.compute().flatten().tolist()
    metric = metric_class(num_classes=2, input_format="index", include_background=False)
    metric.update(with_empty, with_empty)
    means[metric_class.__name__] = float(metric.compute())
print("by class:", by_class)
print("a perfect image and an empty one:", means)
seen = [str([round(value) if value == value else "nan" for value in values]) for values in by_class.values()]
if seen != ["[1, 1, -1, -1]", "[1, 1, 'nan', 'nan']", "[1, 1, 0, 0]"] or list(means.values()) != [1.0, 1.0, 0.5]:
    sys.exit("The behavior has changed: absent classes or empty images are scored otherwise.")
PY
