#!/usr/bin/env bash
# If the first validation has no score (NaN), MONAI never saves a better model, however good later ones are.
#
# Versions: MONAI 1.6.1, PyTorch Ignite 0.5.5, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: a metric is NaN when no image of the first validation has the structure, as for one that is trained on a few
#     cases. Ignite's Checkpoint, on which MONAI's CheckpointSaver is built, saves it, since there is nothing better,
#     and then keeps what is saved unless a new score is greater; no number is greater than NaN. The weights of the
#     first epoch remain "the best". The evaluator's own best_metric stays NaN likewise. A NaN in a later validation
#     does no harm.
# Expected: NaN is replaced by the first number, or not saved.
# Seen: scores NaN, 0.5, 0.7: model.pt holds the weights of epoch 1, and best_metric is NaN; 0.5, NaN, 0.7: of epoch 3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --no-compile \
    torch==2.13.0 numpy==2.4.6 monai==1.6.1 pytorch-ignite==0.5.5
cd "$work"
"$work/venv/bin/python" -W ignore - <<'PY'
import sys
from importlib.metadata import version

import torch
from ignite.metrics import Metric
from monai.engines import SupervisedEvaluator
from monai.handlers import CheckpointSaver

print({name: version(name) for name in ("monai", "pytorch-ignite", "torch", "numpy")})


class Given(Metric):
    """The next of a list of scores."""

    def __init__(self, scores):
        self.scores = iter(scores)
        super().__init__(output_transform=lambda output: (0, 0))

    def reset(self):
        pass

    def update(self, output):
        pass

    def compute(self):
        return next(self.scores)


seen = []
for folder, scores in (("first", [float("nan"), 0.5, 0.7]), ("second", [0.5, float("nan"), 0.7])):
    network = torch.nn.Linear(1, 1)
    saver = CheckpointSaver(folder, {"net": network}, save_key_metric=True, key_metric_filename="model.pt")
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=[{"image": torch.zeros(1, 1), "label": torch.zeros(1, 1)}],
        network=network,
        key_val_metric={"val_mean_dice": Given(scores)},
        val_handlers=[saver],
        decollate=False,
    )
    for epoch in (1, 2, 3):
        network.weight.data.fill_(epoch)
        evaluator.run(epoch)
    saved = torch.load(f"{folder}/model.pt")
    seen.append((int(saved["weight"]), evaluator.state.best_metric))
    print(f"scores {scores}: model.pt is of epoch {seen[-1][0]}, best_metric {seen[-1][1]}")
(first, best), (second, _) = seen
if first != 1 or best == best or second != 3:
    sys.exit("The behavior has changed: the first number replaces NaN.")
PY
