"""One row for each public metric, and what holds for every one of them: a new metric is a new row of `ROWS`."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pytest
import torch
from ignite.engine import Engine
from ignite.metrics import Metric as IgniteMetric
from torch.utils._pytree import tree_map

from common import metrics
from common.errors import ArgumentError
from common.metrics import CONVENTIONS
from common.transforms import DetectInstancesd, slice_instances
from tests.common.pretended_device import pretended

IMAGES, CLASSES, ANNOTATORS, SIDES = 4, 3, 2, (6, 5)
GENERATOR = torch.Generator().manual_seed(0)


def drawn(*shape: int) -> torch.Tensor:
    return torch.rand(IMAGES, *shape, *SIDES, generator=GENERATOR)


CLASS_MAPS = (CLASSES * drawn(1)).floor()
FOUND = (CLASSES * drawn(ANNOTATORS)).floor()
LABELS = (CLASSES * drawn(ANNOTATORS)).floor()
LABELS[:, :, 0] = CLASS_MAPS[:, :, 0] = -1
PROBABILITIES = drawn(CLASSES).softmax(1)
BY_ANNOTATOR = drawn(ANNOTATORS, CLASSES).softmax(2)
MATRICES, TRUE_MATRICES = (drawn(ANNOTATORS, CLASSES, CLASSES).softmax(2) for _ in range(2))
DETECTIONS = [DetectInstancesd("pred")({"pred": image})["detections"][0] for image in drawn(1)]
INSTANCES = [slice_instances(image)[0] for image in drawn(1)]


class Row(NamedTuple):
    """What a metric is given of some images, how it is made, and what is true of an image that nobody labeled."""

    prediction: torch.Tensor | list
    target: torch.Tensor | list
    arguments: dict[str, Any] = {}  # noqa: RUF012 (never changed)
    not_labeled: float | None = -1


ROWS = {
    "AnnotatorDice": Row(FOUND, LABELS),
    "AnnotatorLogLikelihood": Row(BY_ANNOTATOR, LABELS),
    "BrierScore": Row(PROBABILITIES, CLASS_MAPS),
    "ConfusionMatrixError": Row(MATRICES, TRUE_MATRICES, not_labeled=torch.nan),
    "DiceScore": Row(FOUND[:, :1], CLASS_MAPS, {"num_classes": CLASSES}),
    "ExpectedCalibrationError": Row(PROBABILITIES, CLASS_MAPS),
    "GeneralizedEnergyDistance": Row(FOUND, LABELS),
    "HausdorffDistance95": Row(FOUND[:, :1], CLASS_MAPS, {"num_classes": CLASSES, "spacing": [0.5, 2.0]}),
    "InstanceMetrics": Row(DETECTIONS, INSTANCES, not_labeled=None),
    "NegativeLogLikelihood": Row(PROBABILITIES, CLASS_MAPS),
    "ThresholdedAdaptiveCalibrationError": Row(PROBABILITIES, CLASS_MAPS),
    "TopLabelCalibrationError": Row(PROBABILITIES, CLASS_MAPS),
}
every = pytest.mark.parametrize("name", ROWS)


def made(name: str) -> Any:
    return getattr(metrics, name)(**ROWS[name].arguments)


def value(metric: Any, batches: Sequence[tuple[Any, Any]]) -> torch.Tensor:
    """What a metric says of all batches; one of Ignite's in an engine."""
    if isinstance(metric, IgniteMetric):
        engine = Engine(lambda engine, batch: batch)
        metric.attach(engine, "value")
        return torch.as_tensor(engine.run(batches).metrics["value"]).double()
    for batch in batches:
        metric(*batch)
    found = metric.aggregate()
    return torch.tensor(list(found.values()) if isinstance(found, dict) else found.tolist(), dtype=torch.float64)


def batches_of(name: str, numbers: Sequence[Sequence[int]]) -> list[tuple[Any, Any]]:
    """Prediction and truth of the images of these numbers, a batch for each list."""

    def chosen(images: Any, part: Sequence[int]) -> Any:
        return images[list(part)] if isinstance(images, torch.Tensor) else [images[number] for number in part]

    row = ROWS[name]
    return [(chosen(row.prediction, part), chosen(row.target, part)) for part in numbers]


def everything(name: str) -> list[tuple[Any, Any]]:
    return batches_of(name, [range(IMAGES)])


def mapped(function: Callable[[torch.Tensor], torch.Tensor], given: Any) -> Any:
    """A function of all floating tensors, however they are nested."""
    if isinstance(given, torch.Tensor):
        return function(given) if given.is_floating_point() else given
    if isinstance(given, dict):
        return {key: mapped(function, each) for key, each in given.items()}
    return type(given)(mapped(function, each) for each in given)


def assert_near(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6, equal_nan=True)


def test_every_public_metric_has_a_row_here_and_one_of_its_convention() -> None:
    public = [getattr(metrics, name) for name in metrics.__all__]
    kinds = [
        kind for kind in public if isinstance(kind, type) and (hasattr(kind, "aggregate") or hasattr(kind, "update"))
    ]
    names = {kind.__name__ for kind in kinds if not inspect.isabstract(kind)}
    assert ROWS.keys() == names
    assert names <= {name.split(".")[0] for name in CONVENTIONS}


@every
def test_one_batch_is_one_by_one_and_in_another_order(name: str) -> None:
    together = value(made(name), everything(name))
    assert not together.isnan().all()
    for numbers in ([[0], [1], [2], [3]], [[3, 1], [0, 2]]):
        assert_near(value(made(name), batches_of(name, numbers)), together)
    assert (value(made(name), batches_of(name, [[0, 1]])) - together).abs().nansum() > 1e-6  # the images differ


@every
def test_a_reset_forgets_all_images(name: str) -> None:
    metric = made(name)
    value(metric, batches_of(name, [[0, 1]]))
    metric.reset()
    assert_near(value(metric, everything(name)), value(made(name), everything(name)))


@every
def test_a_copy_by_pickle_measures_the_same(name: str) -> None:
    copied = pickle.loads(pickle.dumps(made(name)))
    assert_near(value(copied, everything(name)), value(made(name), everything(name)))


@every
def test_what_is_measured_is_not_changed(name: str) -> None:
    given = everything(name)
    before = copy.deepcopy(given)
    value(made(name), given)
    torch.testing.assert_close(given, before, rtol=0, atol=0, equal_nan=True)


@every
def test_double_precision_measures_the_same(name: str) -> None:
    for one, other in [(torch.Tensor.double, torch.Tensor.double), (torch.Tensor.double, lambda y: y)]:
        given = [(mapped(one, prediction), mapped(other, target)) for prediction, target in everything(name)]
        assert_near(value(made(name), given), value(made(name), everything(name)))


@every
def test_without_an_image_there_is_no_value(name: str) -> None:
    metric = made(name)
    if name == "InstanceMetrics":  # which counts
        found = metric.aggregate()
        assert {key for key, each in found.items() if each == 0} == {
            *("precision", "detection_precision"),
            *("absent", "missed", "false"),
        }
        assert all(each != each for each in found.values() if each != 0)
        return
    with pytest.raises(ArgumentError, match="expected at least one image before"):
        (metric.structures if isinstance(metric, IgniteMetric) else metric).aggregate()


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.not_labeled is not None])
def test_an_image_that_nobody_labeled_does_not_count(name: str) -> None:
    prediction, target = batches_of(name, [[0]])[0]
    more = [*everything(name), (prediction, torch.full_like(target, ROWS[name].not_labeled))]
    assert_near(value(made(name), more), value(made(name), everything(name)))


@pytest.mark.parametrize("device", ["cuda", "mps"])
@every
def test_a_device_measures_the_same(name: str, device: str) -> None:
    expected = value(made(name), everything(name))
    with pretended(device):
        moved = tree_map(lambda each: each.to(device) if isinstance(each, torch.Tensor) else each, everything(name))
        found = value(made(name), moved)
    assert_near(found, expected)
