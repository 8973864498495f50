"""Training on several annotators' labels with MONAI's own engines: targets, warm-up, matrices of a consensus."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.handlers import IgniteMetricHandler, from_engine
from monai.transforms import DeleteItemsd, Orientationd, Randomizable, Transform
from torch import nn

from common.datasets.plan import Plan
from common.errors import InputError, counted
from common.losses import AnnotatorConfusionLoss
from common.metrics import AnnotatorDice, DiceScore
from common.networks import AnnotatorNetwork, GlobalConfusion
from common.networks.method_networks import CONSENSUS, check_method
from common.transforms.batch_augmentation import AugmentBatch
from common.transforms.fuse_annotators import FuseAnnotatorsd
from common.transforms.keep_annotators import KeepAnnotatorsd
from common.transforms.simulate_annotators import SimulateAnnotatorsd
from common.workflow.overrides import choose

__all__ = [
    "ConsensusConfusion",
    "PrepareTargets",
    "TraceWarmUp",
    "UnpackedLoss",
    "annotator_parameter_groups",
    "annotator_reference",
    "annotator_targets",
    "consensus_key",
    "dice_metric",
    "names_of_predictions",
    "prepare_targets",
    "selection_metric",
]

Habits = Mapping[str, str | Mapping[str, Any]]

logger = logging.getLogger(__name__)


def consensus_key(method: str) -> str:
    """Key of the label that the annotators' labels are fused to.

    Args:
        method: ``mean``, whose ``shares`` of the classes are soft, or another, whose ``consensus`` is a class map.

    Returns:
        ``"shares"`` or ``"consensus"``.

    Example:
        >>> consensus_key("staple")
        'consensus'
    """
    return "shares" if method == "mean" else "consensus"


def annotator_targets(
    plan: Plan, method: str, simulated: Habits | None = None, labels_per_image: int | None = None, seed: int = 0
) -> list[Transform]:
    """What a method learns from, made of the labels of a training case; the stage ``targets``.

    Args:
        plan: says who the annotators are, and whether volumes are taken as slices: each is then an image of its own.
        method: one of `common.networks.annotator_model`; ``mean``, ``majority``, ``staple`` and ``spatial_staple`` fuse
            the labels of the whole case.
        simulated: habits by name, see `SimulateAnnotatorsd`; None: annotators have drawn.
        labels_per_image: see `KeepAnnotatorsd`; None keeps all.
        seed: seed of everything that is drawn.

    Returns:
        Transforms of ``annotators``. The ground truth is left to ``oracle`` alone.

    Raises:
        InputError: there is no such method, there are fewer annotators than ``labels_per_image``, or the transforms
            refuse an argument.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> [type(transform).__name__ for transform in annotator_targets(example_plan(), "staple")]
        ['FuseAnnotatorsd', 'DeleteItemsd']
    """
    check_method(method)
    axis = 2 if plan.slices else None
    found = annotator_reference(plan, simulated, seed)
    if labels_per_image is not None:
        keep = KeepAnnotatorsd("annotators", labels_per_image, seed, axis)
        if keep.count > (most := max(1, len(simulated or plan.annotators))):
            raise InputError(f"labels_per_image: expected at most {most}, the number of annotators, got {keep.count}.")
        found.append(keep)
    if method in CONSENSUS:
        key, soft = consensus_key(method), method == "mean"
        found.append(FuseAnnotatorsd("annotators", key, method=method, num_classes=plan.num_classes, soft=soft))
    return found if method == "oracle" else [*found, DeleteItemsd("label")]


def annotator_reference(plan: Plan, simulated: Habits | None = None, seed: int = 0) -> list[Transform]:
    """What a prediction is compared with: all annotators' labels, and the ground truth where there is one.

    Args:
        plan, simulated, seed: see `annotator_targets`.

    Returns:
        Transforms of ``annotators``; none where annotators have drawn and images stay whole.

    Example:
        >>> from common.datasets.plan import example_plan
        >>> transforms = annotator_reference(example_plan(), {"AR": "good", "HS": "under"})
        >>> [type(transform).__name__ for transform in transforms]
        ['SimulateAnnotatorsd']
    """
    found: list[Transform] = []
    if plan.slices:  # along the last axis from here on
        keys = ["image", "label", "annotators"]
        found.append(Orientationd(keys, axcodes=plan.orientation, labels=None, allow_missing_keys=True))
    if simulated:
        found.append(SimulateAnnotatorsd("label", simulated, seed=seed, slice_axis=2 if plan.slices else None))
    return found


def prepare_targets(method: str, mirror_probability: float = 0.5) -> PrepareTargets:
    """`PrepareTargets` of a method: what its loss and its network see of the labels.

    Args:
        method: one of `common.networks.annotator_model`.
        mirror_probability: see `AugmentBatch`.

    Returns:
        The ``prepare_batch`` of a trainer.

    Example:
        >>> prepare_targets("mean").targets, prepare_targets("probabilistic_unet").conditions
        (('shares',), ('annotators',))
    """
    targets = {"oracle": ["annotators", "label"]} | {name: [consensus_key(name)] for name in CONSENSUS}
    conditions = ["annotators"] if method == "probabilistic_unet" else []
    return PrepareTargets(targets.get(method, ["annotators"]), conditions, mirror_probability)


def dice_metric(ground_truth: bool, num_classes: int, count: bool = False) -> IgniteMetricHandler:
    """The Dice of validation: of the prediction with the ground truth, or of each annotator's with that annotator.

    With the ground truth it is that of the other bundles, `DiceScore`, which has no value where both are empty. Two
    annotators who both draw nothing agree fully (`AnnotatorDice`).

    Args:
        ground_truth: whether the cases have one.
        num_classes: background included.
        count: see `DiceScore`; without a ground truth nothing is counted.

    Returns:
        A handler of MONAI's evaluators.

    Example:
        >>> metric = dice_metric(ground_truth=True, num_classes=2)
        >>> metric.update((torch.tensor([[[1]], [[1]], [[0]]]), torch.tensor([[[1]], [[0]], [[0]]])))
        >>> metric.structures.aggregate().item(), metric.structures.counts().absent
        (0.5, 1)
    """
    if ground_truth:
        return DiceScore(
            num_classes, include_background=False, output_transform=from_engine(["pred", "label"]), count=count
        )
    pairs = from_engine(["pred_by_annotator", "annotator_labels"])
    return IgniteMetricHandler(metric_fn=AnnotatorDice(), output_transform=pairs)


def names_of_predictions(method: str, annotators: Sequence[str]) -> list[str] | None:
    """Names of what a network predicts beside the truth.

    Args:
        method: one of `common.networks.annotator_model`.
        annotators: names.

    Returns:
        The names; None of ``probabilistic_unet``, whose samples are of nobody.

    Example:
        >>> names_of_predictions("confusion_matrices", ("AR", "HS"))
        ['AR', 'HS']
    """
    return None if method == "probabilistic_unet" else list(annotators)


def selection_metric(
    select_by: str | None, metrics: Mapping[str, dict[str, Any]], ground_truth: bool
) -> dict[str, Any]:
    """The metric by which the best epoch is chosen.

    Args:
        select_by: ``dice`` or ``likelihood``; None: Dice with a ground truth, else likelihood.
        metrics: Ignite's metrics, by these two names.
        ground_truth: whether the validation cases have one.

    Returns:
        One of ``metrics``.

    Raises:
        InputError: there is no such metric.

    Example:
        >>> metrics = {"dice": {"val_mean_dice": "Dice"}, "likelihood": {"val_likelihood": "likelihood"}}
        >>> selection_metric(None, metrics, ground_truth=True)
        {'val_mean_dice': 'Dice'}
    """
    name = select_by if select_by is not None else ("dice" if ground_truth else "likelihood")
    return choose(name, metrics, "select_by")


def annotator_parameter_groups(network: nn.Module, confusion_learning_rate: float | None = None) -> list[dict]:
    """Parameters for an optimizer, those that give the confusion matrices in a group of their own.

    Args:
        network: any; parameters with ``confusion`` in their path are those of the matrices.
        confusion_learning_rate: learning rate of the matrices' group; None takes that of the optimizer.

    Returns:
        Two groups, as optimizers of PyTorch take them; without matrices one.

    Example:
        >>> network = nn.ModuleDict({"backbone": nn.Linear(2, 2), "confusion": nn.Linear(2, 2)})
        >>> [group.get("lr") for group in annotator_parameter_groups(network, 0.01)]
        [0.01, None]
    """
    heads: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        (heads if "confusion" in name.split(".") else others).append(parameter)
    rate = {} if confusion_learning_rate is None else {"lr": confusion_learning_rate}
    return [group for group in ({"params": heads} | rate, {"params": others}) if group["params"]]


class UnpackedLoss(nn.Module):
    """A loss of several outputs and targets, as MONAI's trainer calls it: with one tuple of each.

    Args:
        loss: called with all outputs of the network, then all targets of `PrepareTargets`.

    Example:
        >>> UnpackedLoss(nn.MSELoss())((torch.zeros(2),), (torch.ones(2),))
        tensor(1.)
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, outputs: Sequence[torch.Tensor], targets: Sequence[torch.Tensor]) -> torch.Tensor:
        return self.loss(*outputs, *targets)


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
    """Ignite handler of a trainer: the trace is maximized in the first epochs, see `AnnotatorConfusionLoss`.

    The state is a function of the epoch, so that a resumed training continues in the right one. A training that ends
    before the warm-up does is warned at its start. Zhang et al., *Disentangling Human Error from Ground Truth in
    Segmentation of Medical Images*, section 3.4.

    Args:
        loss: loss of the trainer.
        epochs: how many, from 0 up.
        several: whether there are several annotators, whom the matrices are to tell apart; one is not warned of.

    Raises:
        InputError: if ``epochs`` is negative.

    Example:
        >>> loss, engine = AnnotatorConfusionLoss(), Engine(lambda engine, batch: loss.warming_up)
        >>> TraceWarmUp(loss, epochs=1).attach(engine)
        >>> [engine.run([0], max_epochs=epochs).output for epochs in (1, 2)]
        [True, False]
    """

    def __init__(self, loss: AnnotatorConfusionLoss, epochs: int, several: bool = True) -> None:
        if epochs < 0:
            raise InputError(f"warmup_epochs: expected 0 or more, got {epochs}.")
        self.loss, self.epochs, self.several = loss, epochs, several

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.warn_of_no_other_epoch)
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def warn_of_no_other_epoch(self, engine: Engine) -> None:
        last = engine.state.max_epochs
        if self.several and self.loss.warm_up_weight and last is not None and last <= self.epochs:
            logger.warning(
                "warmup_epochs is %d in a training of %s: all of it maximizes the trace, so that the matrices do not "
                "tell the annotators apart. Give more --max_epochs than that, or fewer --warmup_epochs, 0 for none.",
                self.epochs,
                counted(last, "epoch"),
            )

    def __call__(self, engine: Engine) -> None:
        self.loss.warming_up = engine.state.epoch <= self.epochs


class ConsensusConfusion:
    """Ignite handler of a trainer: gives a network the confusion matrices that label fusion has estimated.

    Each annotator's matrix is the mean over the training images that the annotator labeled. The network does not learn
    it; it is part of the weights, and lets a network that was trained on a consensus predict the annotators too.

    Args:
        network: network with one matrix per annotator for all pixels, ``image_dependent=False``.
        dataset: training items with ``annotators``, their labels ``(R, *spatial)``, and the matrices ``(R, L, L)`` that
            `common.transforms.FuseAnnotatorsd` has added.
        method: method of fusion; the matrices lie beside its key, see `consensus_key`.

    Raises:
        InputError: if the network has matrices that depend on the image.
    """

    def __init__(
        self, network: AnnotatorNetwork, dataset: Sequence[Mapping[str, Any]], method: str = "majority"
    ) -> None:
        if not isinstance(network.confusion, GlobalConfusion):
            raise InputError("network: expected one with image_dependent=False, got one with a matrix for each pixel.")
        self.logits = network.confusion.logits.requires_grad_(False)
        self.dataset = dataset
        self.confusion_key = f"{consensus_key(method)}_confusion"

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        total = torch.zeros(self.logits.shape, dtype=torch.float64)
        images = torch.zeros(len(total), dtype=torch.float64)
        for index in range(len(self.dataset)):
            item = self.dataset[index]
            present = (torch.as_tensor(item["annotators"]) >= 0).flatten(1).any(1).cpu().double()
            total += present[:, None, None] * torch.as_tensor(item[self.confusion_key]).cpu()
            images += present
        known = images > 0
        mean = total[known] / images[known, None, None]
        self.logits[known.to(self.logits.device)] = mean.clamp_min(1e-6).log().to(self.logits)
