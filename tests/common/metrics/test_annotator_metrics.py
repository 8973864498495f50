"""Dice and likelihood of each annotator, against MONAI and the formula; absent annotators left out."""

from __future__ import annotations

import pytest
import torch
from monai.handlers import IgniteMetricHandler
from monai.metrics import compute_dice

from common.errors import ArgumentError
from common.metrics import AnnotatorDice, AnnotatorLogLikelihood, annotator_dice, annotator_log_likelihood


def random_labels(*shape: int, classes: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randint(classes, shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("spatial", [(6, 5), (4, 3, 5)])
def test_dice_agrees_with_monai(spatial: tuple[int, ...]) -> None:
    predictions, labels = random_labels(3, *spatial), random_labels(3, *spatial, seed=1)
    expected = compute_dice(predictions[:, None].float(), labels[:, None].float())[:, 0]
    torch.testing.assert_close(annotator_dice(predictions, labels), expected.double())


def test_one_prediction_for_all() -> None:
    prediction, labels = random_labels(1, 6, 5), random_labels(3, 6, 5, seed=1)
    expected = annotator_dice(prediction.expand(3, 6, 5), labels)
    torch.testing.assert_close(annotator_dice(prediction, labels), expected)


def test_absent_annotators_are_left_out() -> None:
    labels = random_labels(2, 3, 6, 5)
    predictions = labels.clone()
    predictions[0, 0] = 1 - predictions[0, 0]
    labels[0, 0] = -1
    metric = AnnotatorDice()
    metric(y_pred=predictions, y=labels)
    assert metric.get_buffer()[0].isnan().tolist() == [True, False, False]
    assert metric.aggregate() == 1
    assert annotator_dice(torch.zeros(1, 4), torch.zeros(1, 4)) == 1  # two empty masks agree


def test_likelihood_is_the_mean_over_labeled_pixels() -> None:
    p = torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(0)).softmax(1)
    labels = random_labels(3, 6, 5, classes=4)
    labels[1, 2:] = -1
    labels[2] = -1
    result = annotator_log_likelihood(p, labels)
    for r in range(2):
        values = [p[r, c, x, y].log() for x in range(6) for y in range(5) if (c := int(labels[r, x, y])) >= 0]
        torch.testing.assert_close(result[r], torch.stack(values).mean())
    assert result[2].isnan()


def test_likelihood_is_bounded() -> None:
    """A probability that float32 rounded to 0 does not make everything infinite."""
    certain = torch.tensor([[[1.0], [0.0]]])
    assert annotator_log_likelihood(certain, torch.tensor([[1]])).exp().item() == pytest.approx(1e-7, rel=1e-3)


@pytest.mark.parametrize(("metric", "prediction"), [(AnnotatorDice(), [4]), (AnnotatorLogLikelihood(), [4, 2])])
def test_as_handlers(metric: object, prediction: list[int]) -> None:
    """The mean over images and annotators of what engines hand over: lists of images."""
    handler = IgniteMetricHandler(metric_fn=metric, save_details=False)
    maps = [torch.rand(*prediction, 6, 5).round() for _ in range(3)]
    labels = [random_labels(4, 6, 5, seed=seed) for seed in range(3)]
    handler.reset()
    handler.update((maps, labels))
    function = annotator_dice if isinstance(metric, AnnotatorDice) else annotator_log_likelihood
    expected = torch.stack([function(*pair) for pair in zip(maps, labels, strict=True)]).mean()
    assert float(handler.compute()) == pytest.approx(float(expected), rel=1e-5)


def test_exceptions() -> None:
    with pytest.raises(ArgumentError, match="as many predictions"):
        annotator_dice(torch.zeros(2, 5), torch.zeros(3, 5))
    with pytest.raises(ArgumentError, match="probabilities and labels"):
        annotator_log_likelihood(torch.zeros(2, 2, 5), torch.zeros(3, 5))
    for metric in (AnnotatorDice(), AnnotatorLogLikelihood()):
        with pytest.raises(ArgumentError, match="got none"):
            metric(torch.zeros(1, 1, 2, 5))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_likelihood_of_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    p = torch.rand(2, 3, 40, generator=torch.Generator().manual_seed(0)).softmax(1).to(dtype)
    p[0, :, 0] = torch.tensor([1.0, 0.0, 0.0])
    labels = torch.arange(80).reshape(2, 40) % 3
    labels[0, 0] = 1
    torch.testing.assert_close(annotator_log_likelihood(p, labels), annotator_log_likelihood(p.float(), labels))
    assert annotator_log_likelihood(p[:1, :, :1], labels[:1, :1]).exp().item() == pytest.approx(1e-7, rel=1e-3)
