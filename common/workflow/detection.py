"""Instance segmentation on MONAI's engines: batches of any number of instances, losses, detections, scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine
from ignite.metrics import Average, Metric
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.inferers import Inferer
from torch import nn

from common.errors import InputError
from common.metrics import InstanceMetrics

__all__ = [
    "InstanceScores",
    "LossAverages",
    "SliceDetectionInferer",
    "SumOfLosses",
    "class_probabilities",
    "detect_instances",
    "prepare_instances",
]

TARGET_KEYS = ("boxes", "classes", "masks")
Item = Mapping[str, Any]


def prepare_instances(
    batch: Sequence[Item], device: str | torch.device | None = None, non_blocking: bool = False, **kwargs: Any
) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]], tuple[list[dict[str, torch.Tensor]]], dict[str, Any]]:
    """``prepare_batch`` of MONAI's trainer for a network that computes its own losses, `common.networks.IMaskRCNN`.

    The data loader gives a list of items (``collate_fn: monai.data.utils.no_collation``), as every image has its own
    number of instances.

    Args:
        batch: items with ``image`` ``(C, H, W)``, ``boxes`` ``(N, 4)``, ``classes`` ``(N,)`` and ``masks``
            ``(N, H, W)``, see `common.transforms.FindInstancesd`.
        device, non_blocking, kwargs: where and how tensors go, see ``torch.Tensor.to``.

    Returns:
        The images ``(B, C, H, W)``, the targets of each image, and once more the targets as what the network is called
        with beside the images.

    Raises:
        InputError: if the batch is not a list, or its images differ in size.

    Example:
        >>> item = {"image": torch.zeros(3, 4, 4), "boxes": torch.zeros(0, 4), "classes": torch.zeros(0)}
        >>> images, targets, *_ = prepare_instances([item | {"masks": torch.zeros(0, 4, 4)}] * 2)
        >>> images.shape, len(targets)
        (torch.Size([2, 3, 4, 4]), 2)
    """
    images = _images(batch).to(device=device, non_blocking=non_blocking, **kwargs)
    targets = [_target(item, device, non_blocking) for item in batch]
    return images, targets, (targets,), {}


class SumOfLosses(nn.Module):
    """``loss_function`` of MONAI's trainer for a network that returns its losses: L = Σ L_i.

    Felfeliyan et al., *Weakly Supervised Medical Image Segmentation With Soft Labels and Noise Robust Loss*, section
    III.C.

    Example:
        >>> SumOfLosses()({"box": torch.tensor(1.0), "mask": torch.tensor(0.5)}, None)
        tensor(1.5000)
    """

    def forward(self, losses: Mapping[str, torch.Tensor], targets: Any) -> torch.Tensor:
        return torch.stack(list(losses.values())).sum()


class LossAverages:
    """Ignite handler of a trainer: the mean of each loss over the epoch, as ``loss_mask`` … among its metrics.

    `EpochTable` writes them if it is attached after this handler.

    Args:
        names: of the losses that the network returns.
    """

    def __init__(self, names: Sequence[str] = ("rpn_objectness", "rpn_box", "class", "box", "mask")) -> None:
        self.names = tuple(names)

    def attach(self, engine: Engine) -> None:
        for name in self.names:
            Average(output_transform=_loss_named(name)).attach(engine, f"loss_{name}")


def _loss_named(name: str) -> Callable[[Item], torch.Tensor]:
    return lambda output: output["pred"][name].detach()


def detect_instances(engine: SupervisedEvaluator, batch: Sequence[Item]) -> list[dict[str, Any]]:
    """``iteration_update`` of MONAI's evaluator: a list of items with what was detected, then postprocessing.

    The evaluator needs ``decollate: false``, as the batch is a list already.

    Args:
        engine: whose network gives for a batch of images one dictionary each.
        batch: items with ``image`` ``(C, H, W)``; if they have instances these are the truth.

    Returns:
        Items with ``image``, ``pred`` (``boxes``, ``classes``, ``scores``, ``masks``) and, if there is a truth,
        ``label`` (``boxes``, ``classes``, ``masks``).

    Raises:
        InputError: if the batch is not a list, or its images differ in size.
    """
    device, moving = engine.state.device, engine.non_blocking
    images = _images(batch).to(device=device, non_blocking=moving, **engine.to_kwargs)
    with engine.mode(engine.network), torch.autocast(images.device.type, enabled=engine.amp, **engine.amp_kwargs):
        found = engine.inferer(images, engine.network)
    items = []
    for item, image, pred in zip(batch, images, found, strict=True):
        truth = {"label": _target(item, device, moving)} if all(key in item for key in TARGET_KEYS) else {}
        items.append({"image": image, "pred": pred} | truth)
    engine.state.output = items
    engine.fire_event(IterationEvents.FORWARD_COMPLETED)
    engine.fire_event(IterationEvents.MODEL_COMPLETED)
    return engine.state.output


def class_probabilities(
    detections: Sequence[Mapping[str, torch.Tensor]], num_classes: int, score_threshold: float = 0.5
) -> torch.Tensor:
    """Detections as a semantic segmentation: of each pixel and class the largest probability of any mask.

    Args:
        detections: of each image ``classes`` and ``scores`` ``(D,)`` and ``masks`` ``(D, H, W)``; at least one image.
        num_classes: K, without the background.
        score_threshold: detections below it are left out.

    Returns:
        ``(B, K, H, W)`` in [0, 1], 0 where nothing is detected.

    Example:
        >>> masks, scores = torch.tensor([[[0.7, 0.2]], [[0.4, 0.9]]]), torch.tensor([0.8, 0.6])
        >>> class_probabilities([{"masks": masks, "classes": torch.tensor([1, 1]), "scores": scores}], 2)[0, :, 0]
        tensor([[0.7000, 0.9000],
                [0.0000, 0.0000]])
    """
    maps = []
    for found in detections:
        masks = found["masks"] * (found["scores"] >= score_threshold)[:, None, None]
        empty = masks.new_zeros(1, *masks.shape[1:])
        of_class = [torch.cat((empty, masks[found["classes"] == label])).amax(0) for label in range(1, num_classes + 1)]
        maps.append(torch.stack(of_class))
    return torch.stack(maps)


class SliceDetectionInferer(Inferer):
    """MONAI inferer of volumes for a network that detects instances in slices: `class_probabilities` of every slice.

    The volume comes out as of a segmentation network, and what is done with that fits: Dice, connected components (the
    instances of the volume, `common.transforms.label_instances`), files.

    Args:
        num_classes: K, without the background.
        score_threshold: detections below it are left out.
        slice_axis: spatial axis along which the slices are stacked: 0, 1 or 2.
        batch_size: slices that the network sees at once.

    Shapes:
        ``(B, C, H, W, S)``, whose channels are those of the network (`common.transforms.NeighbourSlicesd`), →
        ``(B, K, H, W, S)``.
    """

    def __init__(
        self, num_classes: int, score_threshold: float = 0.5, slice_axis: int = 2, batch_size: int = 8
    ) -> None:
        super().__init__()
        self.num_classes, self.score_threshold = num_classes, score_threshold
        self.axis, self.batch_size = slice_axis + 2, batch_size

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        slices = inputs.as_subclass(torch.Tensor).movedim(self.axis, 1)
        maps = [
            class_probabilities(network(part, *args, **kwargs), self.num_classes, self.score_threshold)
            for part in slices.flatten(0, 1).split(self.batch_size)
        ]
        return torch.cat(maps).unflatten(0, slices.shape[:2]).movedim(1, self.axis)


class InstanceScores(Metric):
    """`InstanceMetrics` as the key metric of MONAI's evaluator; all its values are written, one is the key.

    Args:
        metrics: what is computed of the items of `detect_instances`.
        key: the value that stands for all and selects the best epoch.
        prefix: of the names of all values among the evaluator's metrics.

    Raises:
        InputError: if there is no such value.

    Example:
        >>> InstanceScores(InstanceMetrics(), key="dice").compute().keys() >= {"box_ap50", "dice"}
        True
    """

    def __init__(self, metrics: InstanceMetrics, key: str = "mask_ap50", prefix: str = "val_") -> None:
        names = list(metrics.aggregate())
        if key not in names:
            raise InputError(f"key: expected one of {', '.join(names)}, got {key!r}.")
        self.metrics, self.key, self.prefix = metrics, key, prefix
        super().__init__(output_transform=_pairs)

    def reset(self) -> None:
        self.metrics.reset()

    def update(self, output: tuple[list[Item], list[Item]]) -> None:
        self.metrics(*output)

    def compute(self) -> dict[str, float]:
        return self.metrics.aggregate()

    def completed(self, engine: Engine, name: str) -> None:
        scores = self.compute()
        engine.state.metrics.update({f"{self.prefix}{key}": value for key, value in scores.items()})
        engine.state.metrics[name] = scores[self.key]


def _pairs(output: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    return [item["pred"] for item in output], [item["label"] for item in output]


def _images(batch: Sequence[Item]) -> torch.Tensor:
    if not isinstance(batch, Sequence):
        raise InputError(
            "batch: expected a list of items, got "
            f"{type(batch).__name__}; the data loader needs collate_fn monai.data.utils.no_collation."
        )
    images = [item["image"].as_subclass(torch.Tensor) for item in batch]
    shapes = {tuple(image.shape) for image in images}
    if len(shapes) > 1:
        raise InputError(f"image: expected one shape in a batch, got {sorted(shapes)}.")
    return torch.stack(images)


def _target(item: Item, device: str | torch.device | None, non_blocking: bool) -> dict[str, torch.Tensor]:
    return {
        key: item[key].as_subclass(torch.Tensor).to(device=device, non_blocking=non_blocking) for key in TARGET_KEYS
    }
