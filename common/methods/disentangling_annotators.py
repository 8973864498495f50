"""Training on several annotators' labels with MONAI's own engines: targets, warm-up, matrices of a consensus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.transforms import Randomizable

from common.errors import InputError
from common.losses import AnnotatorConfusionLoss
from common.networks import AnnotatorNetwork, GlobalConfusion
from common.transforms.batch_augmentation import AugmentBatch

__all__ = ["ConsensusConfusion", "PrepareTargets", "TraceWarmUp"]


class PrepareTargets(Randomizable):
    """``prepare_batch`` of MONAI's trainer for losses of several targets and networks that see labels in training.

    Args:
        targets: keys of what the loss takes after the network's output: ``annotators`` ``(B, R, *spatial)``, a
            consensus, or both annotators and truth.
        conditions: keys of what the network takes after the image.
        mirror_probability, gamma_probability, gamma: see `common.transforms.AugmentBatch`.

    Example:
        >>> prepare = PrepareTargets(["annotators"], mirror_probability=0, gamma_probability=0)
        >>> batch = {"image": torch.zeros(2, 1, 4, 4), "annotators": torch.ones(2, 3, 4, 4)}
        >>> image, targets, conditions, _ = prepare(batch)
        >>> image.shape, [target.shape for target in targets], conditions
        (torch.Size([2, 1, 4, 4]), [torch.Size([2, 3, 4, 4])], ())
    """

    def __init__(
        self,
        targets: Sequence[str],
        conditions: Sequence[str] = (),
        mirror_probability: float = 0.5,
        gamma_probability: float = 0.0,
        gamma: Sequence[float] = (0.7, 1.5),
    ) -> None:
        self.targets, self.conditions = tuple(targets), tuple(conditions)
        self.augment = AugmentBatch(
            list(dict.fromkeys((*self.targets, *self.conditions))), mirror_probability, gamma_probability, gamma
        )

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> PrepareTargets:
        super().set_random_state(seed, state)
        self.augment.set_random_state(state=self.R)
        return self

    def __call__(
        self,
        batch: dict[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, ...], tuple[torch.Tensor, ...], dict[str, Any]]:
        """
        Returns:
            Image, targets, conditions and no named arguments, as MONAI's engines take them.
        """
        image, _ = self.augment(batch, device, non_blocking, **kwargs)
        targets, conditions = (tuple(batch[key] for key in keys) for keys in (self.targets, self.conditions))
        return image, targets, conditions, {}


class TraceWarmUp:
    """Ignite handler of a trainer: the trace is maximised in the first epochs, see `AnnotatorConfusionLoss`.

    The state is a function of the epoch, so that a resumed training continues in the right one. Zhang et al.,
    *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, section 3.4.

    Args:
        loss: that of the trainer.
        epochs: how many, from 0 up.

    Raises:
        InputError: if ``epochs`` is negative.
    """

    def __init__(self, loss: AnnotatorConfusionLoss, epochs: int) -> None:
        if epochs < 0:
            raise InputError(f"warmup_epochs: expected 0 or more, got {epochs}.")
        self.loss, self.epochs = loss, epochs

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        self.loss.warming_up = engine.state.epoch <= self.epochs


class ConsensusConfusion:
    """Ignite handler of a trainer: gives a network the confusion matrices that label fusion has estimated.

    Each annotator's matrix is the mean over the training images that the annotator labelled. The network does not learn
    it; it is part of the weights, and lets a network that was trained on a consensus predict the annotators too.

    Args:
        network: with one matrix per annotator for all pixels, ``image_dependent=False``.
        dataset: training items with the annotators' labels ``(R, *spatial)`` and the matrices ``(R, L, L)`` that
            `common.transforms.FuseAnnotatorsd` has added.
        labels_key, confusion_key: of the two in an item.

    Raises:
        InputError: if the network has matrices that depend on the image.
    """

    def __init__(
        self,
        network: AnnotatorNetwork,
        dataset: Sequence[Mapping[str, Any]],
        labels_key: str = "annotators",
        confusion_key: str = "consensus_confusion",
    ) -> None:
        if not isinstance(network.confusion, GlobalConfusion):
            raise InputError("network: expected one with image_dependent=False, got one with a matrix for each pixel.")
        self.logits = network.confusion.logits.requires_grad_(False)
        self.dataset, self.labels_key, self.confusion_key = dataset, labels_key, confusion_key

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        total = torch.zeros(self.logits.shape, dtype=torch.float64)
        images = torch.zeros(len(total), dtype=torch.float64)
        for index in range(len(self.dataset)):
            item = self.dataset[index]
            present = (torch.as_tensor(item[self.labels_key]) >= 0).flatten(1).any(1).cpu().double()
            total += present[:, None, None] * torch.as_tensor(item[self.confusion_key]).cpu()
            images += present
        known = images > 0
        mean = total[known] / images[known, None, None]
        self.logits[known.to(self.logits.device)] = mean.clamp_min(1e-6).log().to(self.logits)
