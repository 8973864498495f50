"""Randomness of a training run as a function of (seed, epoch)."""

from __future__ import annotations

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.transforms import Randomizable


def epoch_seed(seed: int, epoch: int) -> int:
    """A 31-bit seed that differs for every (seed, epoch).

    Example:
        >>> epoch_seed(0, 1) != epoch_seed(1, 0)
        True
    """
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0] >> 1)


class EpochSeed:
    """Ignite handler that seeds everything random at the start of each epoch from (seed, epoch).

    A run that is resumed after epoch k therefore draws in epoch k + 1 what the uninterrupted run draws: the order of
    the cases, the random transforms (also in worker processes), the batch augmentation and dropout.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        seed = epoch_seed(self.seed, engine.state.epoch)
        torch.manual_seed(seed)
        set_rnd(getattr(engine.state.dataloader, "dataset", None), seed=seed)
        prepare_batch = getattr(engine, "prepare_batch", None)
        if isinstance(prepare_batch, Randomizable):
            prepare_batch.set_random_state(seed=seed)
