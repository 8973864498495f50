"""What marginal thresholding sees of its own training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from common.decision import decide

__all__ = ["dice_optimal_maps"]


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
