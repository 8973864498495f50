#!/usr/bin/env bash
# MONAI's EarlyStopHandler does not stop a training whose score has become NaN.
#
# Versions: MONAI 1.6.1, PyTorch Ignite 0.5.5, PyTorch 2.13.0, NumPy 2.4.6.
# Behavior: Ignite's EarlyStopping, on which the handler is built, asks whether the score is at most the best one so
#     far, and takes everything else for progress. NaN is not at most anything, nor is anything at most NaN: each NaN
#     counts as progress and becomes the best score. A network that has diverged is trained until the last epoch.
# Expected: an epoch without a score is one without progress; after patience many of them the training stops.
# Seen: patience 2, ten epochs at most. 0.5 in each: three epochs. 0.5 in the first and NaN in all others, or NaN in
#     all: ten.
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

from ignite.engine import Engine, Events
from monai.handlers import EarlyStopHandler

print({name: version(name) for name in ("monai", "pytorch-ignite", "torch", "numpy")})
seen = {}
for name, scores in (
    ("NaN", [float("nan")] * 10),
    ("0.5, then NaN", [0.5] + [float("nan")] * 9),
    ("0.5 for ever", [0.5] * 10),
):
    left = iter(scores)
    trainer = Engine(lambda engine, batch: None)
    handler = EarlyStopHandler(2, lambda engine: engine.state.score, trainer=trainer)
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda engine: setattr(engine.state, "score", next(left)))
    handler.attach(trainer)
    trainer.run([0], max_epochs=10)
    seen[name] = trainer.state.epoch
    print(f"{name}: {seen[name]} of 10 epochs")
if seen != {"NaN": 10, "0.5, then NaN": 10, "0.5 for ever": 3}:
    sys.exit("The behavior has changed: NaN is no longer progress.")
PY
