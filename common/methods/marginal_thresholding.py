"""What marginal thresholding sees of its own training."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine, Events

from common.decision import decide
from common.io.files import read_csv

__all__ = ["ExpectedDiceCheck", "dice_optimal_maps"]

DIFFERENCE = 0.05  # of the mean expected and the mean obtained Dice, from which on the former is called wrong

logger = logging.getLogger(__name__)

ADVICE = (
    " Fit a temperature with configs/calibrate.yaml, unless that has been done, and give --temperature fitted; where "
    "the Dice is low, train longer first."
)


class ExpectedDiceCheck:
    """Ignite handler of an evaluator: says in the log what the column ``expected_dice`` of its table is worth.

    A Dice to expect is right if the probabilities are. Where the table has the Dice that was obtained, the means are
    compared, and a difference above 0.05 is a warning. Where it has none and no temperature was fitted, the warning
    is that nobody knows. Attach it after the handler that writes the table.

    Args:
        path: table to read, ``summary.csv`` of an evaluation or inference.
        temperature: as given to `common.workflow.load_temperature`; ``"fitted"`` where the logits are calibrated.

    Example:
        >>> ExpectedDiceCheck("summary.csv").says([{"expected_dice": "0.976", "dice_optimal": "0.459"}])
        'The mean expected Dice is 0.976 and the obtained one 0.459: the probabilities are not calibrated.'
    """

    def __init__(self, path: str | os.PathLike[str], temperature: float | str | None = None) -> None:
        self.path, self.fitted = Path(path), temperature == "fitted"

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.COMPLETED, self.report)

    def report(self, engine: Engine) -> None:
        if self.path.is_file() and (sentence := self.says(read_csv(self.path))):
            advice = "" if self.fitted else ADVICE
            logger.warning("%s: %s%s", self.path, sentence, advice)

    def says(self, rows: list[dict[str, Any]]) -> str:
        """What is wrong with the expected Dice.

        Args:
            rows: of the table.

        Returns:
            A sentence; empty if nothing is.
        """
        columns = list(rows[0]) if rows else []
        obtained = next((name for name in ("dice_optimal", "dice_optimal_noisy") if name in columns), None)
        if obtained:
            pairs = [(float(row["expected_dice"]), float(row[obtained])) for row in rows if row[obtained] != ""]
            means = [sum(values) / len(pairs) for values in zip(*pairs, strict=True)]
            if means and abs(means[0] - means[1]) > DIFFERENCE:
                return (
                    f"The mean expected Dice is {means[0]:.3f} and the obtained one {means[1]:.3f}: "
                    "the probabilities are not calibrated."
                )
            return ""
        if self.fitted or not any(name.startswith("expected_dice") for name in columns):
            return ""
        return "The expected Dice is right if the probabilities are, and no temperature was fitted to them."


def dice_optimal_maps(output: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Dice-optimal class maps and labels of a training step, each sample with its own thresholds.

    Args:
        output: of a trainer, ``pred`` ``(B, C, *spatial)`` logits (of one channel of the foreground, of several of all
            classes) and ``label`` ``(B, 1, *spatial)``.

    Returns:
        Two tensors ``(B, 1, *spatial)``; see `common.decision.decide`.

    Example:
        >>> dice_optimal_maps({"pred": torch.tensor([[[3.0, -0.2, -3.0]]]), "label": torch.ones(1, 1, 3)})[0].tolist()
        [[[1, 1, 0]]]
    """
    logits = output["pred"].detach().float()
    probabilities = logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)
    return decide(probabilities).class_map, output["label"]
