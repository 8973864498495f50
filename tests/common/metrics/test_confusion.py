"""The error of confusion matrices, over what can be known of them."""

from __future__ import annotations

import math

import pytest
import torch
from ignite.engine import Engine
from monai.handlers import IgniteMetricHandler

from common.errors import ArgumentError
from common.metrics import ConfusionMatrixError, confusion_matrix_error
from common.noise import pixelwise_confusion


def matrices(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).softmax(2)


@pytest.mark.parametrize("spatial", [(), (3, 4), (2, 1, 3), (1, 1)])
def test_root_mean_squared_error(spatial: tuple[int, ...]):
    estimate, truth = matrices(2, 3, 4, 4, *spatial), matrices(2, 3, 4, 4, *spatial, seed=1)
    error = confusion_matrix_error(estimate, truth)
    assert error.shape == (2, 3) and error.dtype == torch.float64
    for n in range(2):
        for r in range(3):
            squares = [(a - b) ** 2 for a, b in zip(estimate[n, r].flatten(), truth[n, r].flatten(), strict=True)]
            assert error[n, r].item() == pytest.approx(math.sqrt(sum(squares) / len(squares)), rel=1e-12)
    assert (confusion_matrix_error(truth, truth) == 0).all()


def test_the_column_of_the_true_class_against_loops():
    generator = torch.Generator().manual_seed(0)
    truth = torch.randint(3, (2, 1, 3, 4), generator=generator)
    labels = torch.randint(-1, 3, (2, 2, 3, 4), generator=generator)
    estimate = matrices(2, 2, 3, 3, 3, 4)
    error = confusion_matrix_error(estimate, pixelwise_confusion(labels, truth, 3))
    for n in range(2):
        for r in range(2):
            squares = []
            for h in range(3):
                for w in range(4):
                    written, true = labels[n, r, h, w].item(), truth[n, 0, h, w].item()
                    if written >= 0:
                        column = estimate[n, r, :, true, h, w]
                        squares += [(column[i].item() - (i == written)) ** 2 for i in range(3)]
            assert error[n, r].item() == pytest.approx(math.sqrt(sum(squares) / len(squares)), rel=1e-6)


def test_one_matrix_for_all_pixels():
    estimate, truth = matrices(2, 3, 2, 2), matrices(2, 3, 2, 2, 4, 5, seed=1)
    everywhere = estimate[..., None, None].expand_as(truth)
    torch.testing.assert_close(confusion_matrix_error(estimate, truth), confusion_matrix_error(everywhere, truth))


def test_the_worst_and_the_clueless_annotator():
    truth = torch.eye(2)[None, None]
    assert confusion_matrix_error(1 - truth, truth).item() == 1
    assert confusion_matrix_error(torch.full_like(truth, 0.5), truth).item() == 0.5


def test_absent_annotators_are_left_out():
    estimate, truth = matrices(2, 2, 2, 2, 3, 3), matrices(2, 2, 2, 2, 3, 3, seed=1)
    truth[0, 1] = torch.nan
    error = confusion_matrix_error(estimate, truth)
    assert error.isnan().tolist() == [[False, True], [False, False]]
    metric = ConfusionMatrixError()
    metric(y_pred=estimate, y=truth)
    by_annotator = metric.aggregate("mean_batch")
    assert by_annotator.tolist() == pytest.approx([error[:, 0].mean().item(), error[1, 1].item()])
    by_image = [error[0, 0].item(), error[1].mean().item()]
    assert metric.aggregate().item() == pytest.approx(sum(by_image) / 2)


def test_batches_and_lists_add_up():
    estimate, truth = matrices(3, 2, 2, 2, 3, 3), matrices(3, 2, 2, 2, 3, 3, seed=1)
    metric = ConfusionMatrixError()
    metric(y_pred=estimate[:2], y=truth[:2])
    metric(y_pred=list(estimate[2:]), y=list(truth[2:]))
    assert metric.aggregate().item() == pytest.approx(confusion_matrix_error(estimate, truth).mean().item())


def test_as_an_ignite_handler():
    engine = Engine(lambda engine, batch: batch)
    IgniteMetricHandler(ConfusionMatrixError()).attach(engine, "cm_error")
    estimate, truth = matrices(3, 2, 2, 2, 3, 3).float(), matrices(3, 2, 2, 2, 3, 3, seed=1).float()
    engine.run([(estimate[:2], truth[:2]), (estimate[2:], truth[2:])])
    expected = confusion_matrix_error(estimate, truth).mean().item()
    assert engine.state.metrics["cm_error"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype):
    estimate, truth = matrices(1, 2, 2, 2, 20, 20), matrices(1, 2, 2, 2, 20, 20, seed=1)
    error = confusion_matrix_error(estimate.to(dtype), truth)
    torch.testing.assert_close(error, confusion_matrix_error(estimate, truth), atol=5e-3, rtol=0)


def test_mistakes_are_named():
    truth = matrices(1, 2, 3, 3, 4, 4)
    for estimate in (truth[..., :2], truth[:, :1], truth[0], matrices(1, 2, 2, 2)):
        with pytest.raises(ArgumentError, match="estimate and truth"):
            confusion_matrix_error(estimate, truth)
    with pytest.raises(ArgumentError, match="expected y"):
        ConfusionMatrixError()(y_pred=truth)
