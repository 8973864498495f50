"""What a step of the optimizer is made of: batches, and each process's share of them."""

from __future__ import annotations

from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine
from monai.engines.utils import IterationEvents

__all__ = ["WeighBatches", "makes_step"]


def makes_step(engine: Engine) -> bool:
    """Whether MONAI's trainer steps after the batch at hand, or only accumulates its gradients.

    Args:
        engine: the trainer, in an iteration.

    Returns:
        True for each ``accumulation_steps``-th batch of an epoch, and for its last.
    """
    batch = (engine.state.iteration - 1) % engine.state.epoch_length + 1
    return batch % engine.accumulation_steps == 0 or batch == engine.state.epoch_length


class WeighBatches:
    r"""Ignite handler of MONAI's trainer: every image of a step counts the same, whichever batch and process has it.

    $$ g = \frac{\sum_k \sum_r b_{kr} \, g_{kr}}{\sum_k \sum_r b_{kr}} $$

    with the gradients g of process r in batch k of the step, whose share has b images, or b divided by the processes
    where each of them computes the whole batch (`common.workflow.SharedBatches`). For a loss that is a mean over
    images this is the gradient of one batch of all of them. MONAI divides the sum over batches by
    ``accumulation_steps`` instead, although the last step of an epoch may have fewer of them and the last batch fewer
    images, and ``DistributedDataParallel`` the sum over processes by their number.

    ``loss`` in the trainer's output becomes that of the whole batch, of all processes. One process that does not
    accumulate is left alone.
    """

    def attach(self, engine: Engine) -> None:
        # the trainer has its number of steps only after its handlers
        engine.add_event_handler(IterationEvents.LOSS_COMPLETED, self.weigh)
        engine.add_event_handler(IterationEvents.BACKWARD_COMPLETED, self.finish)
        self.counts: list[torch.Tensor] = []  # images of each batch of the step

    def weigh(self, engine: Engine) -> None:
        if engine.accumulation_steps == 1 and idist.get_world_size() == 1:
            return
        loss, images = engine.state.output["loss"], len(engine.state.output["image"]) / _computed_by(engine)
        own = loss.detach().to(torch.promote_types(loss.dtype, torch.float32))
        count, total = idist.all_reduce(torch.stack([own.new_tensor(images), images * own]))
        self.loss = total / count
        self.counts.append(count)
        engine.state.output["loss"] = loss * (images * idist.get_world_size() / self.counts[0])

    def finish(self, engine: Engine) -> None:
        if not self.counts:
            return
        engine.state.output["loss"] = self.loss
        if makes_step(engine):
            if engine.accumulation_steps > 1:
                factor = engine.accumulation_steps * self.counts[0] / sum(self.counts)
                for parameter in (p for group in engine.optimizer.param_groups for p in group["params"]):
                    if parameter.grad is not None:
                        parameter.grad *= factor
            self.counts = []


def _computed_by(engine: Engine) -> int:
    """How many processes compute each image of the batch at hand."""
    batches: Any = getattr(engine.state.dataloader, "batch_sampler", None)
    if not hasattr(batches, "computed_by"):  # of one process
        return 1
    return batches.computed_by((engine.state.iteration - 1) % len(batches))  # ignite begins anew after the last batch
