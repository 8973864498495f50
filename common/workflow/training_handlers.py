"""The handlers that every training has, in the order in which they must run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.engines.workflow import Workflow
from monai.handlers import ValidationHandler

from common.workflow.checkpoint import TrainingCheckpoint
from common.workflow.epoch_table import EpochTable
from common.workflow.seeding import EpochSeed

__all__ = ["training_handlers"]


def training_handlers(
    network: torch.nn.Module,
    evaluator: Workflow,
    objects: Mapping[str, Any],
    output_dir: str,
    ckpt_dir: str,
    seed: int = 0,
    val_interval: int = 1,
    resume: bool = False,
    best_of: Workflow | str | None = None,
    loss: Any = None,
    extra: Sequence[Any] = (),
) -> list[Any]:
    """Seeds each epoch, validates, does what the method adds, writes the table of epochs, and last the checkpoint.

    The order is what makes a resumed training equal to an uninterrupted one: whatever changes in an epoch has changed
    before `TrainingCheckpoint` writes.

    Args:
        network: whose weights ``model.pt`` holds.
        evaluator: run every ``val_interval`` epochs; its metrics go into the table.
        objects: name → further object with a state to resume (optimizer, scheduler, loss).
        output_dir: folder of ``metrics.csv``.
        ckpt_dir: folder of ``checkpoint.pt`` and ``model.pt``.
        seed: of the epochs' random numbers (`EpochSeed`).
        val_interval: epochs between two validations.
        resume: continue after the last whole epoch.
        best_of: what selects ``model.pt``, see `TrainingCheckpoint`; None keeps the last epoch.
        loss: whose scalar parameters go into the table.
        extra: the method's own handlers, such as a schedule of the learning rate.

    Returns:
        Handlers for ``train_handlers`` of a MONAI trainer.
    """
    return [
        EpochSeed(seed),
        ValidationHandler(interval=val_interval, validator=evaluator),
        *extra,
        EpochTable(output_dir, loss, [evaluator]),
        TrainingCheckpoint(ckpt_dir, network, objects, resume, best_of),
    ]
