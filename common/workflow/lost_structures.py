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
        names: of the K structures.
        metric: name of the details; without any, as before the first validation, nothing is said.
        label_key: in place of the metric, class maps ``(R, *spatial)`` in the evaluator's output, of annotators where
            there is no truth: a structure is right where one of them drew it. The masks are its ``pred``.

    Example:
        >>> engine, evaluator = (Engine(lambda engine, batch: None) for _ in range(2))
        >>> evaluator.state.metric_details = {"val_mean_dice": torch.tensor([[0.8, 0.0], [0.7, float("nan")]])}
        >>> LostStructures(evaluator, ["liver", "tumor"]).lost()
        [('tumor', 1)]
    """

    def __init__(
        self, evaluator: Engine, names: Sequence[str], metric: str = "val_mean_dice", label_key: str | None = None
    ) -> None:
        self.evaluator, self.names, self.metric, self.label_key = evaluator, tuple(names), metric, label_key
        self._counts = torch.zeros(2, len(self.names))  # of each structure the images that have it, and that are right
        if label_key is not None:
            evaluator.add_event_handler(Events.EPOCH_STARTED, lambda engine: self._counts.zero_())
            evaluator.add_event_handler(Events.ITERATION_COMPLETED, self._compare)

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.COMPLETED, self.warn)

    def lost(self) -> list[tuple[str, int]]:
        """The structures that the last validation never got right.

        Returns:
            The name of each, and in how many images it was to be found, or found by mistake; at least one.
        """
        details = getattr(self.evaluator.state, "metric_details", {}).get(self.metric)
        if self.label_key is not None:
            counts, right = idist.all_reduce(self._counts.clone()).int().tolist()  # of all processes
        elif details is None:
            return []
        else:
            dice = torch.as_tensor(details)
            counts, right = (~dice.isnan()).sum(0).tolist(), dice.nan_to_num(0).amax(0).tolist()
        return [row[:2] for row in zip(self.names, counts, right, strict=True) if row[1] and not row[2]]

    def _compare(self, engine: Engine) -> None:
        for item in engine.state.output:
            mask, labels = (torch.as_tensor(item[key]).detach() for key in ("pred", self.label_key))
            for index in range(len(self.names)):
                found, drawn = mask == index + 1, labels == index + 1
                self._counts[0, index] += bool(found.any() or drawn.any())
                self._counts[1, index] += bool((found & drawn).any())

    def warn(self, engine: Engine) -> None:
        if engine.state.epoch < (engine.state.max_epochs or 0):
            return
        lost = self.lost()
        for name, count in lost if idist.get_rank() == 0 else ():
            logger.warning(
                "%s: Dice is 0 in %s, so the weights may not segment it at all (docs/watching.md, A structure that is "
                "never found).",
                name,
                "the one image of the last validation that has it or seems to"
                if count == 1
                else f"all {count} images of the last validation that have it or seem to",
            )
