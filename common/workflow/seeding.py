"""Randomness of a training run as a function of (seed, epoch, process)."""

from __future__ import annotations

import ignite.distributed as idist
import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.transforms import Randomizable


def epoch_seed(seed: int, epoch: int, rank: int = 0) -> int:
    """A 31-bit seed that differs for every (seed, epoch, rank of the process).

    Example:
        >>> epoch_seed(0, 1) != epoch_seed(1, 0), epoch_seed(0, 1, rank=1) != epoch_seed(0, 1)
        (True, True)
    """
    return int(np.random.SeedSequence([seed, epoch, rank]).generate_state(1)[0] >> 1)


class EpochSeed:
    """Ignite handler that seeds everything random at the start of each epoch from (seed, epoch).

    A run that is resumed after epoch k therefore draws in epoch k + 1 what the uninterrupted run draws: the order of
    the cases, the random transforms (also in worker processes), the batch augmentation and dropout.

    Several processes go through the cases in the same order, that of a single one; all else each of them draws for
    itself, the first what a single process draws.

    Args:
        seed: seed of the run, a whole number from 0 up.

    Example:
        >>> engine = Engine(lambda engine, batch: torch.rand(1).item())
        >>> EpochSeed(0).attach(engine)
        >>> [len({engine.run([0], max_epochs=last).output for last in epochs}) for epochs in ((1, 1, 1), (1, 2, 3))]
        [1, 3]
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self)
        if idist.get_rank() > 0:
            engine.add_event_handler(Events.ITERATION_STARTED, self.part)

    def part(self, engine: Engine) -> None:
        """Leaves the other processes' random numbers, once the first batch shows that the order is drawn.

        Args:
            engine: the trainer, at the start of an iteration.
        """
        if (engine.state.iteration - 1) % engine.state.epoch_length == 0:
            torch.manual_seed(epoch_seed(self.seed, engine.state.epoch, idist.get_rank()))

    def __call__(self, engine: Engine) -> None:
        torch.manual_seed(epoch_seed(self.seed, engine.state.epoch))
        seed = epoch_seed(self.seed, engine.state.epoch, idist.get_rank())
        set_rnd(getattr(engine.state.dataloader, "dataset", None), seed=seed)
        prepare_batch = getattr(engine, "prepare_batch", None)
        if isinstance(prepare_batch, Randomizable):
            prepare_batch.set_random_state(seed=seed)
