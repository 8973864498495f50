"""What metrics see of an engine's output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine

from common.transforms.class_maps import as_class_map

__all__ = ["case_names", "class_maps", "key_metric", "negative_loss"]


def class_maps(output: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
    """Prediction and label of a training step as class maps.

    Args:
        output: output of a trainer, ``pred`` ``(B, C, *spatial)`` logits and ``label`` ``(B, 1, *spatial)``.

    Returns:
        Two tensors ``(B, 1, *spatial)``.

    Example:
        >>> class_maps({"pred": torch.tensor([[[1.0, -1.0]]]), "label": torch.ones(1, 1, 2)})[0].tolist()
        [[[1.0, 0.0]]]
    """
    channels_first = output["pred"].detach().as_subclass(torch.Tensor).transpose(0, 1)
    return as_class_map(channels_first).transpose(0, 1), output["label"]


def case_names(batch: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Names of the cases of a batch, as `MetricsSaver` takes them.

    Args:
        batch: decollated items with ``case``.

    Returns:
        ``{"filename_or_obj": case}`` for each item.

    Example:
        >>> case_names([{"case": "a"}])
        [{'filename_or_obj': 'a'}]
    """
    return [{"filename_or_obj": str(item["case"])} for item in batch]


def negative_loss(output: Mapping[str, Any]) -> float:
    """The loss of a training step with the sign of a metric: the higher the better.

    Args:
        output: output of a trainer, with ``loss``.

    Returns:
        The loss with its sign changed.

    Example:
        >>> negative_loss({"loss": 0.5})
        -0.5
    """
    return -output["loss"]


def key_metric(engine: Engine) -> float:
    """The value of an engine's key metric in this epoch, by which `LrScheduleHandler` lowers the learning rate.

    Args:
        engine: engine of MONAI, with a key metric.

    Returns:
        A number; nan where it was not measured.

    Example:
        >>> engine = Engine(lambda engine, batch: None)
        >>> engine.state.key_metric_name, engine.state.metrics = "val_mean_dice", {"val_mean_dice": 0.5}
        >>> key_metric(engine)
        0.5
    """
    return engine.state.metrics[engine.state.key_metric_name]
