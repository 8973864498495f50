"""Losses, metrics, fusion and decisions on tensors of any shape: a finite result, or one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from common import decision, fusion, losses, metrics
from common.errors import SentenceError

FEW = settings(deadline=None, max_examples=40, derandomize=True)
SIZES = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**16)
SCALES = st.sampled_from([0.0, 1.0, 1e4])  # of logits: all the same, usual, and far beyond what exp bears
CLASSIFICATION = [
    losses.ActivePassiveLoss(losses.NormalizedCrossEntropyLoss(), losses.ReverseCrossEntropyLoss(), sigmoid=True),
    *(
        getattr(losses, name)(sigmoid=True)
        for name in losses.__all__
        if isinstance(getattr(losses, name), type)
        and name not in ("ActivePassiveLoss", "TLoss", "SoftActivePassiveLoss")
        and issubclass(getattr(losses, name), type(losses.CrossEntropyLoss()).__mro__[1])
    ),
    losses.SoftActivePassiveLoss(sigmoid=True),
    losses.TLoss(sigmoid=True),
]


@contextmanager
def sentence_at_most() -> Iterator[None]:
    """The block may raise a `SentenceError` of one line, and nothing else."""
    try:
        yield
    except SentenceError as error:
        assert "\n" not in str(error)


def randoms(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def assert_finite(result: Any, undefined: bool = False) -> None:
    """No infinity anywhere; not-a-number only where a metric is not defined."""
    for value in result if isinstance(result, tuple | list) else [result]:
        if isinstance(value, tuple | list):
            assert_finite(value, undefined)
        elif isinstance(value, torch.Tensor) and value.is_floating_point():
            assert not value.isinf().any()
            assert undefined or not value.isnan().any()


@pytest.mark.parametrize("loss", CLASSIFICATION, ids=lambda loss: type(loss).__name__)
@FEW
@given(batch=st.integers(0, 2), channels=st.integers(1, 3), sizes=SIZES, scale=SCALES, soft=st.booleans(), seed=SEEDS)
def test_losses(
    loss: torch.nn.Module, batch: int, channels: int, sizes: tuple[int, ...], scale: float, soft: bool, seed: int
) -> None:
    generator = randoms(seed)
    logits = (scale * torch.randn(batch, channels, *sizes, generator=generator)).requires_grad_()
    target = torch.rand(logits.shape, generator=generator)
    with sentence_at_most():
        value = loss(logits, target if soft else target.round())
        assert value.ndim == 0
        assert_finite(value, undefined=not logits.numel())  # as PyTorch has it
        value.backward()
        assert logits.grad is not None
        assert_finite(logits.grad)


@pytest.mark.parametrize("loss", CLASSIFICATION, ids=lambda loss: type(loss).__name__)
@FEW
@given(first=st.lists(st.integers(0, 3), max_size=5), second=st.lists(st.integers(0, 3), max_size=5))
def test_losses_of_two_shapes(loss: torch.nn.Module, first: list[int], second: list[int]) -> None:
    with sentence_at_most():
        assert_finite(loss(torch.zeros(first), torch.zeros(second)), undefined=0 in first)


@FEW
@given(batch=st.integers(0, 2), classes=st.integers(1, 3), raters=st.integers(0, 3), sizes=SIZES, seed=SEEDS)
def test_losses_of_annotators(batch: int, classes: int, raters: int, sizes: tuple[int, ...], seed: int) -> None:
    generator = randoms(seed)
    log_probs = torch.randn(batch, classes, *sizes, generator=generator).log_softmax(1).requires_grad_()
    confusion = torch.randn(batch, raters, classes, classes, *sizes, generator=generator).log_softmax(2)
    labels = torch.randint(-1, classes, (batch, raters, *sizes), generator=generator).float()
    with sentence_at_most():
        value = losses.AnnotatorConfusionLoss()(log_probs, confusion, labels)
        assert_finite(value, undefined=not confusion.numel())
        value.backward()
        assert_finite(log_probs.grad)
    with sentence_at_most():
        assert_finite(losses.mean_trace(confusion, labels))
    with sentence_at_most():
        assert_finite(losses.annotator_log_probabilities(log_probs, confusion))
    for distance in ("squared_difference", "jensen_shannon", "cosine"):
        with sentence_at_most():
            value = losses.LogitConsistencyLoss(distance)(log_probs, 1e4 * log_probs.flip(0))
            assert_finite(value, undefined=not log_probs.numel())


MARGINALS: dict[str, Callable[[torch.Tensor], Any]] = {
    "dice_optimal_threshold": decision.dice_optimal_threshold,
    "dice_optimal_segmentation": decision.dice_optimal_segmentation,
    "accuracy_optimal_segmentation": decision.accuracy_optimal_segmentation,
    "soft_dice": lambda marginal: metrics.soft_dice(marginal.round(), marginal),
    "soft_accuracy": lambda marginal: metrics.soft_accuracy(marginal.round(), marginal),
}


@pytest.mark.parametrize("name", MARGINALS)
@FEW
@given(
    shape=st.lists(st.integers(0, 4), max_size=5), kind=st.sampled_from(["random", "zero", "one", "nan"]), seed=SEEDS
)
def test_functions_of_marginals(name: str, shape: list[int], kind: str, seed: int) -> None:
    fill = {"zero": 0.0, "one": 1.0, "nan": torch.nan}
    marginal = torch.full(shape, fill[kind]) if kind in fill else torch.rand(shape, generator=randoms(seed))
    with sentence_at_most():
        assert_finite(MARGINALS[name](marginal), undefined=kind == "nan")


LABELS: dict[str, Callable[[torch.Tensor], Any]] = {
    "mean_label": fusion.mean_label,
    "majority_vote": fusion.majority_vote,
    "staple": lambda labels: fusion.staple(labels, max_iterations=20),
    "spatial_staple": lambda labels: fusion.spatial_staple(labels, half_window=1, max_iterations=5),
    "fleiss_kappa": metrics.fleiss_kappa,
    "pairwise_dice": metrics.pairwise_dice,
    "pairwise_similarity": lambda labels: metrics.pairwise_similarity(labels, labels.flip(0)),
    "generalized_energy_distance": lambda labels: metrics.generalized_energy_distance(labels, labels[:1]),
    "annotator_dice": lambda labels: metrics.annotator_dice(labels[None].clamp(0), labels[None]),
}


@pytest.mark.parametrize("name", LABELS)
@FEW
@given(raters=st.integers(0, 3), sizes=st.lists(st.integers(0, 4), max_size=3), top=st.integers(-1, 3), seed=SEEDS)
def test_functions_of_labels(name: str, raters: int, sizes: list[int], top: int, seed: int) -> None:
    """Up to all of them not labeled."""
    labels = torch.randint(-1, top + 1, (raters, *sizes), generator=randoms(seed))
    with sentence_at_most():
        assert_finite(LABELS[name](labels), undefined=name not in ("mean_label", "majority_vote", "staple"))


PROBABILITIES: dict[str, Callable[[torch.Tensor, torch.Tensor], Any]] = {
    "expected_calibration_error": metrics.expected_calibration_error,
    "thresholded_adaptive_calibration_error": metrics.thresholded_adaptive_calibration_error,
    "reliability_bins": metrics.reliability_bins,
    "annotator_log_likelihood": lambda p, label: metrics.annotator_log_likelihood(p[:, None], label),
    "fit_temperature": lambda p, label: torch.tensor(decision.fit_temperature(20 * p - 10, label)),
}


@pytest.mark.parametrize("name", PROBABILITIES)
@FEW
@given(batch=st.integers(0, 2), classes=st.integers(1, 3), sizes=SIZES, seed=SEEDS)
def test_functions_of_probabilities(name: str, batch: int, classes: int, sizes: tuple[int, ...], seed: int) -> None:
    generator = randoms(seed)
    probabilities = torch.randn(batch, classes, *sizes, generator=generator).softmax(1)
    label = torch.randint(0, classes, (batch, 1, *sizes), generator=generator).float()
    with sentence_at_most():
        assert_finite(PROBABILITIES[name](probabilities, label), undefined=True)


@FEW
@given(batch=st.integers(0, 2), raters=st.integers(0, 2), classes=st.integers(1, 3), seed=SEEDS)
def test_confusion_matrix_error(batch: int, raters: int, classes: int, seed: int) -> None:
    matrices = torch.randn(2, batch, raters, classes, classes, generator=randoms(seed)).softmax(-2)
    with sentence_at_most():
        assert_finite(metrics.confusion_matrix_error(*matrices), undefined=True)


@FEW
@given(
    raters=st.integers(0, 3),
    structures=st.integers(0, 2),
    sizes=st.lists(st.integers(0, 4), min_size=3, max_size=3),
    seed=SEEDS,
)
def test_soft_labels(raters: int, structures: int, sizes: list[int], seed: int) -> None:
    generator = randoms(seed)
    masks = torch.randint(0, 2, (raters, structures, *sizes), generator=generator)
    image = torch.randn(1, *sizes, generator=generator)
    anatomy = torch.randint(0, 2, (structures, *sizes), generator=generator)
    for function in (
        lambda: list(fusion.soft_label_steps(masks, image, anatomy).values()),
        lambda: fusion.aggregate_raters(masks),
        lambda: fusion.find_hyperintense(image, anatomy, 2.5),
        lambda: fusion.add_neighbour_slices(anatomy.float(), 0.3),
        lambda: fusion.restrict_to_anatomy(anatomy.float(), anatomy),
    ):
        with sentence_at_most():
            assert_finite(function())


METRICS = [
    metrics.AnnotatorDice(),
    metrics.ExpectedCalibrationError(),
    metrics.ThresholdedAdaptiveCalibrationError(),
    metrics.GeneralizedEnergyDistance(),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: type(metric).__name__)
@FEW
@given(first=st.lists(st.integers(0, 3), max_size=5), second=st.lists(st.integers(0, 3), max_size=5))
def test_metrics_of_two_shapes(metric: Any, first: list[int], second: list[int]) -> None:
    metric.reset()
    with sentence_at_most():
        metric(torch.zeros(first), torch.zeros(second))
        assert_finite(metric.aggregate(), undefined=True)
