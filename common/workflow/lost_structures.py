"""Structures that a training has lost, said at its end."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

__all__ = ["LostStructures"]

logger = logging.getLogger(__name__)


class LostStructures:
    """Ignite handler of a trainer: a warning at its end about each structure that the last validation never got right.

    Where most labels miss a structure, it is small, or the training is short, a network may learn that it is nowhere,
    and the loss falls all the same. A mean over several structures hides that. Of a training that was interrupted,
    which can be continued, nothing is said.

    Args:
        evaluator: of the validation, with the Dice of each image and structure, ``(N, K)``, nan where an image neither
            has nor seems to have the structure, among its ``metric_details``.
        names: of the K structures, or of the K annotators whose labels are predicted.
        metric: name of the details; without any, as before the first validation, nothing is said.

    Example:
        >>> engine, evaluator = (Engine(lambda engine, batch: None) for _ in range(2))
        >>> evaluator.state.metric_details = {"val_mean_dice": torch.tensor([[0.8, 0.0], [0.7, float("nan")]])}
        >>> LostStructures(evaluator, ["liver", "tumor"]).lost()
        [('tumor', 1)]
    """

    def __init__(self, evaluator: Engine, names: Sequence[str], metric: str = "val_mean_dice") -> None:
        self.evaluator, self.names, self.metric = evaluator, tuple(names), metric

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.COMPLETED, self.warn)

    def lost(self) -> list[tuple[str, int]]:
        """The structures that the last validation never got right.

        Returns:
            The name of each, and in how many images it was to be found, or found by mistake; at least one.
        """
        details = getattr(self.evaluator.state, "metric_details", {}).get(self.metric)
        if details is None:
            return []
        dice = torch.as_tensor(details)
        counts = (~dice.isnan()).sum(0).tolist()
        best = dice.nan_to_num(0).amax(0).tolist()
        return [row[:2] for row in zip(self.names, counts, best, strict=True) if row[1] and not row[2]]

    def warn(self, engine: Engine) -> None:
        if idist.get_rank() > 0 or engine.state.epoch < (engine.state.max_epochs or 0):
            return
        for name, count in self.lost():
            logger.warning(
                "%s: Dice is 0 in %s, so the weights may not segment it at all (docs/watching.md, A structure that is "
                "never found).",
                name,
                "the one image of the last validation that has it or seems to"
                if count == 1
                else f"all {count} images of the last validation that have it or seem to",
            )
