"""Instance segmentation on MONAI's engines: targets of a batch, losses, detections of a volume, scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine
from ignite.metrics import Average, Metric
from monai.data import decollate_batch
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.transforms import Randomizable
from torch import nn

from common.errors import InputError
from common.fusion import exceeds
from common.metrics import InstanceMetrics
from common.networks.ensemble import Ensemble
from common.networks.mask_rcnn import class_probabilities
from common.transforms import (
    AugmentBatch,
    DetectInstancesd,
    class_map,
    find_instances,
    slice_instances,
    slices_of,
    without_unlabelled,
)
from common.transforms.slices import extended_slices

__all__ = ["DetectSlices", "InstanceScores", "LossAverages", "PrepareInstances", "SumOfLosses"]

Item = Mapping[str, Any]


class PrepareInstances(Randomizable):
    """``prepare_batch`` of MONAI's trainer for a network that computes its own losses, `common.networks.IMaskRCNN`.

    The batch is that of a segmentation network, images and labels; `common.transforms.find_instances` makes the
    instances of the labels after they were mirrored, so that boxes never need to be; ``unlabeled`` (H, W) is where
    nobody labeled.

    Args:
        augment: `common.transforms.AugmentBatch`, which gives images ``(B, C, H, W)`` and labels ``(B, K, H, W)``.
        threshold: value of the soft label, from 0 to below 1, above which pixels belong to an instance.
        min_pixels: smaller instances are left out.

    Example:
        >>> from common.transforms import AugmentBatch
        >>> batch = {"image": torch.zeros(2, 3, 4, 4), "label": torch.ones(2, 1, 4, 4)}
        >>> images, targets, arguments, _ = PrepareInstances(AugmentBatch())(batch)
        >>> targets[1]["boxes"], arguments == (targets,)
        (tensor([[0., 0., 4., 4.]]), True)
    """

    def __init__(self, augment: AugmentBatch, threshold: float = 0.5, min_pixels: int = 1) -> None:
        self.augment, self.threshold, self.min_pixels = augment, threshold, min_pixels

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> PrepareInstances:
        self.augment.set_random_state(seed, state)
        return self

    def __call__(
        self,
        batch: dict[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]], tuple[list[dict[str, torch.Tensor]]], dict[str, Any]]:
        """The images, the targets of each, and once more the targets as what the network is called with beside them."""
        images, labels = self.augment(batch, device, non_blocking, **kwargs)
        targets = [
            find_instances(label, self.threshold, self.min_pixels) | {"unlabeled": (label < 0).any(0)}
            for label in labels
        ]
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
        names: names of the losses that the network returns.

    Example:
        >>> engine = Engine(lambda engine, batch: {"pred": {"mask": batch}})
        >>> LossAverages(["mask"]).attach(engine)
        >>> engine.run(torch.tensor([1.0, 2.0])).metrics
        {'loss_mask': 1.5}
    """

    def __init__(self, names: Sequence[str] = ("rpn_objectness", "rpn_box", "class", "box", "mask")) -> None:
        self.names = tuple(names)

    def attach(self, engine: Engine) -> None:
        for name in self.names:
            Average(output_transform=_loss_named(name)).attach(engine, f"loss_{name}")


def _loss_named(name: str) -> Callable[[Item], torch.Tensor]:
    return lambda output: output["pred"][name].detach()


class DetectSlices:
    """``iteration_update`` of MONAI's evaluator: volumes are segmented by a network that detects instances in slices.

    The evaluator needs ``decollate: false``: what comes out is a list of items already, each with ``image``, ``label``
    where there is one, ``pred`` ``(K, H, W, S)``, what the network gives as a segmentation, and ``detections``, for
    each slice the instances with masks of True and False and the `common.transforms.class_map` of ``pred``, which
    inference writes, on the CPU. The batch is as the data loader collates it.

    Of a `common.networks.Ensemble`, whose networks find different instances, ``pred`` is the mean of the segmentations
    and ``detections`` are its connected components (`common.transforms.DetectInstancesd`), which is also what inference
    writes.

    Args:
        batch_size: slices that the network sees at once.
        patch_size: height and width to which smaller slices are extended by zeros, as those of new images are
            (`common.workflow.SliceBatches`); what is found there is left out. None leaves them as they are.

    Shapes:
        ``image`` ``(B, C, H, W, S)``, or of pictures ``(B, C, H, W)``, whose channels are those of the network
        (`common.transforms.NeighbourSlicesd`). ``pred`` of a picture is ``(K, H, W)``.
    """

    def __init__(self, batch_size: int = 8, patch_size: Sequence[int] | None = None) -> None:
        self.batch_size, self.patch_size = batch_size, tuple(patch_size or (1, 1))

    def __call__(self, engine: SupervisedEvaluator, batch: dict[str, Any]) -> list[dict[str, Any]]:
        device = torch.device(engine.state.device)  # text where it comes from the command line
        network: Any = getattr(engine.network, "module", engine.network)  # what DistributedDataParallel wraps
        engine.state.batch, items = decollate_batch(batch), []
        with engine.mode(engine.network), torch.autocast(device.type, enabled=engine.amp, **engine.amp_kwargs):
            for item in engine.state.batch:
                volume = torch.stack(slices_of(item["image"].as_subclass(torch.Tensor)))
                maps, detections = [], []
                for part in volume.split(self.batch_size):
                    part = part.to(device, non_blocking=engine.non_blocking, **engine.to_kwargs)
                    extended, inside = extended_slices(part, self.patch_size)
                    if isinstance(network, Ensemble):
                        maps.append(network(extended)[(..., *inside)])
                        continue
                    found = [_within(one, inside) for one in network.detect(extended)]
                    maps.append(class_probabilities(found, network.num_classes, network.map_threshold))
                    for one, probabilities in zip(found, maps[-1], strict=True):
                        one |= {"masks": exceeds(one["masks"]), "class_map": class_map(probabilities)}
                        detections.append({key: value.cpu() for key, value in one.items()})
                label = {"label": item["label"].to(device)} if "label" in item else {}
                pred = torch.cat(maps).movedim(0, -1) if item["image"].ndim == 4 else maps[0][0]
                if isinstance(network, Ensemble):
                    detections = DetectInstancesd("pred")({"pred": pred})["detections"]
                items.append({"image": item["image"], "pred": pred, "detections": detections} | label)
        engine.state.output = items
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output


def _within(found: Mapping[str, torch.Tensor], inside: tuple[slice, slice]) -> dict[str, torch.Tensor]:
    """The detections of an extended slice as those of the slice; those outside are left out."""
    starts, stops = ([getattr(side, name) for side in inside] for name in ("start", "stop"))
    boxes = found["boxes"]
    origin, size = boxes.new_tensor(starts * 2), boxes.new_tensor(stops) - boxes.new_tensor(starts)
    boxes = (boxes - origin).clamp_min(0).minimum(size.repeat(2))
    kept = (boxes[:, 2:] > boxes[:, :2]).all(1)
    moved = {**found, "boxes": boxes, "masks": found["masks"][(..., *inside)]}
    return {key: value[kept] for key, value in moved.items()}


class InstanceScores(Metric):
    """`InstanceMetrics` as the key metric of MONAI's evaluator; all its values are written, one is the key.

    Args:
        metrics: what is computed of all slices of all volumes: items with ``detections``, a list of the instances of
            each slice (`DetectSlices`, or `common.transforms.DetectInstancesd`), and ``label`` ``(K, H, W, S)``, or of
            a picture ``(K, H, W)``.
        key: the value that stands for all and selects the best epoch.

    Raises:
        InputError: if there is no such value.

    Example:
        >>> InstanceScores(InstanceMetrics(), key="dice").compute().keys() >= {"box_ap50", "dice"}
        True
    """

    def __init__(self, metrics: InstanceMetrics, key: str = "mask_ap50") -> None:
        names = list(metrics.aggregate())
        if key not in names:
            raise InputError(f"key: expected one of {', '.join(names)}, got {key!r}.")
        self.metrics, self.key = metrics, key
        super().__init__(output_transform=_pairs)

    def reset(self) -> None:
        self.metrics.reset()

    def update(self, output: tuple[Sequence[Item], Sequence[Item]]) -> None:
        self.metrics(*output)

    def compute(self) -> dict[str, float]:
        return self.metrics.aggregate()

    def completed(self, engine: Engine, name: str) -> None:
        scores = self.compute()
        engine.state.metrics.update({f"val_{key}": value for key, value in scores.items()})
        engine.state.metrics[name] = scores[self.key]
        details = getattr(engine.state, "metric_details", {})  # of MONAI's engines
        engine.state.metric_details = details | {name: self.metrics.dice_of_images()}


def _pairs(output: Sequence[Item]) -> tuple[Sequence[Item], Sequence[Item]]:
    """Of all slices, without what nobody labeled."""
    found = [
        without_unlabelled(instances, label)
        for item in output
        for instances, label in zip(item["detections"], slices_of(item["label"]), strict=True)
    ]
    return found, [instances for item in output for instances in slice_instances(item["label"])]
