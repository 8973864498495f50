"""What each metric gives where there is nothing to measure: a row of `CONVENTIONS`, a test."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest
import torch
from monai.data import DataLoader, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.handlers import MeanDice, from_engine
from monai.metrics import compute_dice, compute_hausdorff_distance

from common.errors import ArgumentError
from common.metrics import (
    CONVENTIONS,
    AnnotatorDice,
    AnnotatorLogLikelihood,
    BrierScore,
    ConfusionMatrixError,
    DiceScore,
    ExpectedCalibrationError,
    GeneralizedEnergyDistance,
    HausdorffDistance95,
    InstanceMetrics,
    NegativeLogLikelihood,
    ThresholdedAdaptiveCalibrationError,
    TopLabelCalibrationError,
    dice_score,
    hausdorff_distance_95,
    is_better,
    pairwise_similarity,
    reduce_known,
    soft_dice,
    structure_pair,
)

DIAGONAL = 5.0
FOUND = from_engine(["pred", "label"])
NOTHING, SOMETHING = torch.zeros(1, 1, 3, 4), torch.ones(1, 1, 3, 4)
CASES = {"absent": (NOTHING, NOTHING), "missed": (NOTHING, SOMETHING), "false": (SOMETHING, NOTHING)}


def of_handler(make: Callable[..., DiceScore | HausdorffDistance95]) -> Callable[..., float]:
    def value(prediction: torch.Tensor, label: torch.Tensor) -> float:
        metric = make()
        metric.update((prediction, label))
        return float(metric.structures.aggregate())

    return value


def of_metric(make: Callable[..., object]) -> Callable[..., float]:
    def value(prediction: torch.Tensor, label: torch.Tensor) -> float:
        metric = make()
        metric(prediction, label)
        return float(metric.aggregate())

    return value


def both(mask: torch.Tensor) -> torch.Tensor:
    """The probabilities of background and foreground, of each annotator."""
    return torch.stack([1 - mask, mask], 2)


def of_instances(name: str) -> Callable[..., float]:
    def instances(mask: torch.Tensor) -> dict[str, torch.Tensor]:
        some = int(mask.any())
        return {
            "boxes": torch.tensor([[0.0, 0, 3, 4]])[:some],
            "classes": torch.ones(1).long()[:some],
            "masks": mask[0][:some],
            "scores": torch.ones(1)[:some],
        }

    def value(prediction: torch.Tensor, label: torch.Tensor) -> float:
        metric = InstanceMetrics()
        metric([instances(prediction)], [instances(label)])
        return metric.aggregate()[name]

    return value


VALUE_OF: dict[str, Callable[..., float]] = {
    "DiceScore": of_handler(DiceScore),
    "HausdorffDistance95": of_handler(HausdorffDistance95),
    "soft_dice": lambda prediction, label: float(soft_dice(prediction, label)),
    "pairwise_similarity": lambda prediction, label: float(pairwise_similarity(prediction[0], label[0])),
    "AnnotatorDice": of_metric(AnnotatorDice),
    "AnnotatorLogLikelihood": lambda prediction, label: of_metric(AnnotatorLogLikelihood)(both(prediction), label),
    "ConfusionMatrixError": lambda *masks: of_metric(ConfusionMatrixError)(
        *(torch.stack(2 * [both(m)], 3) for m in masks)
    ),
    "GeneralizedEnergyDistance": of_metric(GeneralizedEnergyDistance),
    "ExpectedCalibrationError": of_metric(ExpectedCalibrationError),
    "ThresholdedAdaptiveCalibrationError": of_metric(ThresholdedAdaptiveCalibrationError),
    "TopLabelCalibrationError": of_metric(TopLabelCalibrationError),
    "BrierScore": of_metric(BrierScore),
    "NegativeLogLikelihood": of_metric(NegativeLogLikelihood),
    "InstanceMetrics.dice": of_instances("dice"),
    "InstanceMetrics.precision": of_instances("precision"),
    "InstanceMetrics.recall": of_instances("recall"),
}


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("name", CONVENTIONS)
def test_each_metric_keeps_its_convention(name: str, kind: str) -> None:
    convention = CONVENTIONS[name]
    expected = getattr(convention, kind)
    expected = DIAGONAL if expected == "diagonal" else expected
    value = VALUE_OF[name](*CASES[kind])
    assert value == pytest.approx(expected, nan_ok=True)
    right = VALUE_OF[name](SOMETHING, SOMETHING)
    if kind != "absent" and not math.isnan(value):  # a failure is never as good as a success
        assert value < right if convention.higher_is_better else value > right


def test_every_metric_has_a_value_here() -> None:
    assert VALUE_OF.keys() == CONVENTIONS.keys()


@pytest.mark.parametrize("make", [DiceScore, HausdorffDistance95], ids=lambda make: make.__name__)
def test_a_mean_of_nothing_is_not_a_number(make: Callable[..., DiceScore]) -> None:
    assert math.isnan(of_handler(make)(NOTHING, NOTHING))
    nothing = torch.full((2, 3), torch.nan)
    for reduction in ("mean", "mean_batch", "mean_channel"):
        assert reduce_known(nothing, reduction)[0].isnan().all()
    assert torch.isnan(nothing).all()  # what it was given is not changed


def test_tace_of_nothing_above_the_threshold_is_not_a_number() -> None:
    for make in (ThresholdedAdaptiveCalibrationError, ExpectedCalibrationError):
        metric = make()
        metric(torch.zeros(2, 1, 4, 4), -torch.ones(2, 1, 4, 4))  # and no voxel is labeled
        assert metric.aggregate().isnan()


def test_finding_nothing_is_never_best() -> None:
    """One of ten lesions found exactly, against all ten, one voxel off."""
    label = torch.zeros(10, 1, 16, 16)
    label[:, :, 4:9, 4:9] = 1
    one = label.clone()
    one[1:] = 0
    all_of_them = label.roll(1, -1)
    for make, sign in ((DiceScore, 1), (HausdorffDistance95, -1)):
        value = of_handler(make)
        assert sign * value(all_of_them, label) > sign * value(one, label)
    assert of_handler(HausdorffDistance95)(one, label) == pytest.approx(0.9 * 16 * 2**0.5)
    assert of_handler(HausdorffDistance95)(torch.zeros_like(label), label) == pytest.approx(16 * 2**0.5)


def test_false_objects_lower_the_mean() -> None:
    """Three of five images without an object, a false one found in each: MONAI says 1, the mean of the others."""
    label = torch.zeros(5, 1, 8, 8)
    label[:2, :, 2:5, 2:5] = 1
    prediction = torch.zeros(5, 1, 8, 8)
    prediction[:, :, 2:5, 2:5] = 1
    assert of_handler(DiceScore)(prediction, label) == pytest.approx(2 / 5)
    assert MeanDice().metric_fn(prediction, label).nanmean() == 1


@pytest.mark.parametrize("spatial", [(9, 7), (6, 5, 4)], ids=str)
def test_where_all_structures_exist_the_values_are_those_of_monai(spatial: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    prediction, label = (torch.randint(3, (4, 1, *spatial), generator=generator).float() for _ in range(2))
    pair = structure_pair(prediction, label, 3, include_background=False)
    one_hot = [torch.cat([map == c for c in (1, 2)], 1).float() for map in (prediction, label)]
    assert all(torch.equal(mask.float(), other) for mask, other in zip(pair, one_hot, strict=True))
    torch.testing.assert_close(dice_score(*pair).float(), compute_dice(*one_hot))
    expected = compute_hausdorff_distance(*one_hot, include_background=True, percentile=95)
    torch.testing.assert_close(hausdorff_distance_95(*pair), expected)
    spacing = [0.5, 2.0, 3.0][: len(spatial)]
    expected = compute_hausdorff_distance(*one_hot, include_background=True, percentile=95, spacing=spacing)
    torch.testing.assert_close(hausdorff_distance_95(*pair, spacing), expected)


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_a_volume_of_one_slice_is_measured_as_that_slice(axis: int):
    # with the axis of length 1, MONAI takes every voxel of the discs for surface
    y, x = torch.meshgrid(torch.arange(24), torch.arange(30), indexing="ij")
    discs = [((y - 11) ** 2 + (x - center) ** 2 <= 49)[None, None] for center in (11, 15)]
    expected = compute_hausdorff_distance(*discs, include_background=True, percentile=95, spacing=[2.0, 1.0])
    spacing = [2.0, 1.0]
    spacing.insert(axis - 2, 5.0)
    found = hausdorff_distance_95(*(disc.unsqueeze(axis) for disc in discs), spacing)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_distances_are_in_the_unit_of_each_label_s_affine(dimensions: int) -> None:
    """Two images of another voxel size, one of them turned; as MONAI's engines hand them over: a list of items."""
    generator = torch.Generator().manual_seed(1)
    maps = [torch.randint(2, (1, *(7, 6, 5)[:dimensions]), generator=generator).float() for _ in range(4)]
    spacings, affines = ([0.5, 2.0, 3.0], [1.5, 1.0, 4.0]), []
    for turned, sides in zip((False, True), spacings, strict=True):
        axes = torch.eye(3, dtype=torch.float64)[[1, 0, 2]] if turned else torch.eye(3, dtype=torch.float64)
        affines.append(torch.block_diag(axes @ torch.diag(torch.tensor(sides, dtype=torch.float64)), torch.ones(1, 1)))
    metric = HausdorffDistance95("affine")
    labels = [MetaTensor(label, affine=affine) for label, affine in zip(maps[2:], affines, strict=True)]
    metric.update((maps[:2], labels))
    expected = [
        compute_hausdorff_distance(one[None], other[None], True, percentile=95, spacing=sides[:dimensions])[0, 0]
        for one, other, sides in zip(maps[:2], maps[2:], spacings, strict=True)
    ]
    torch.testing.assert_close(metric.structures.get_buffer()[:, 0], torch.stack(expected))


def test_what_nobody_labeled_does_not_count() -> None:
    label = torch.zeros(1, 1, 8, 8)
    label[..., 2:6, 2:4] = 1
    prediction = label.clone()
    label[..., 6:] = -1
    prediction[..., 6:] = 1
    for make, best in ((DiceScore, 1), (HausdorffDistance95, 0)):
        assert of_handler(make)(prediction, label) == best
    classes = torch.where(label < 0, -1, label)
    found = structure_pair(prediction, classes, 2, include_background=True)
    assert not any(masks[..., 6:].any() for masks in found)
    masks = torch.cat([classes == 0, classes == 1], 1).float().where(classes >= 0, -1)
    again = structure_pair(torch.cat([1 - prediction, prediction], 1), masks)
    assert all(torch.equal(*both) for both in zip(found, again, strict=True))


def test_spacing_and_sizes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ArgumentError, match="spacing: expected voxel sizes, affine or none, got 'mm'"):
        HausdorffDistance95("mm")
    with pytest.raises(ArgumentError, match="expected labels with an affine"):
        HausdorffDistance95("affine").update((NOTHING, NOTHING))
    with pytest.raises(ArgumentError, match="expected 2 voxel sizes above 0, got"):
        hausdorff_distance_95(NOTHING, NOTHING, [1.0])
    with pytest.raises(ArgumentError, match=r"expected \(batch, 1 or 3, \*spatial\)"):
        structure_pair(torch.zeros(1, 2, 4, 4), torch.zeros(1, 1, 4, 4), 3)
    with pytest.raises(ArgumentError, match=r"of one size, got \(1, 1, 4, 4\) and \(1, 1, 4, 5\)"):
        structure_pair(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))


class Echo(torch.nn.Module):
    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image


def evaluator(label: torch.Tensor, metrics: dict[str, object], **options: object) -> SupervisedEvaluator:
    """MONAI's engine with a network that predicts its input."""
    from monai.transforms import Compose

    data = [{"image": mask, "label": truth} for mask, truth in label]
    key, *others = metrics
    return SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(data, batch_size=2),
        network=Echo(),
        postprocessing=Compose([]),
        key_val_metric={key: metrics[key]},
        additional_metrics={name: metrics[name] for name in others},
        **options,
    )


def test_in_monai_s_engine_with_counts_and_details() -> None:
    mask = torch.zeros(1, 6, 8)
    mask[:, 1:3, 1:4] = 1
    nothing = torch.zeros_like(mask)
    data = [(mask, mask), (nothing, mask), (mask, nothing), (nothing, nothing), (nothing, nothing)]
    metrics = {
        "val_mean_dice": DiceScore(count=True, output_transform=FOUND),
        "val_hausdorff_95": HausdorffDistance95(output_transform=FOUND),
    }
    engine = evaluator(data, metrics)
    engine.run()
    assert engine.state.metrics["val_mean_dice"] == pytest.approx(1 / 3)
    assert engine.state.metrics["val_hausdorff_95"] == pytest.approx(20 / 3)
    counts = {name: engine.state.metrics[f"val_mean_dice_{name}"] for name in ("absent", "missed", "false")}
    assert counts == {"absent": 2, "missed": 1, "false": 1}
    details = engine.state.metric_details["val_mean_dice"]
    assert details.shape == (5, 1) and details[3:].isnan().all() and details[:3, 0].tolist() == [1, 0, 0]


def test_the_best_epoch_is_never_one_that_was_not_measured() -> None:
    mask = torch.ones(1, 4, 4)
    nothing = torch.zeros_like(mask)
    metric = DiceScore(output_transform=FOUND)
    engine = evaluator([(nothing, nothing)], {"val_mean_dice": metric}, metric_cmp_fn=is_better)

    def rounds() -> Iterator[tuple[torch.Tensor, float, int]]:
        yield nothing, math.nan, 1  # there is nothing else yet
        yield nothing, math.nan, 1
        yield mask, 0.5, 3  # the first number takes its place
        yield nothing, 0.5, 3
        yield mask, 0.5, 5  # as good, and later

    for epoch, (prediction, best, at) in enumerate(rounds(), start=1):
        half = mask.clone()
        half[..., 2:] = 0
        label = nothing if not prediction.any() else mask
        found = prediction if not prediction.any() else half * (torch.arange(4)[:, None] < 2)
        engine.data_loader = DataLoader([{"image": found, "label": label}])
        engine.state.dataloader = None
        engine.state.max_epochs = None
        engine.run(epoch)
        value = engine.state.best_metric
        assert (math.isnan(value) and math.isnan(best)) or value == pytest.approx(0.4 if best == 0.5 else best)
        assert engine.state.best_metric_epoch == at
