"""Equations 2 to 4 against loops, and the theorem: small traces tell the annotators' errors from the truth."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from torch.nn import functional

from common.errors import ArgumentError
from common.losses import (
    AnnotatorConfusionLoss,
    annotator_log_probabilities,
    annotator_negative_log_likelihood,
    mean_trace,
)

SHAPES = [(5, 4), (2, 3, 4), (1, 1), (1, 6), (1, 1, 3)]


def problem(
    spatial: tuple[int, ...], batch: int = 2, annotators: int = 3, classes: int = 3, seed: int = 0
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """log p, log A and labels in float64: of the first image the last annotator is absent, the first in part."""
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(batch, classes, *spatial, generator=generator, dtype=torch.float64).log_softmax(1)
    entries = torch.randn(batch, annotators, classes, classes, *spatial, generator=generator, dtype=torch.float64)
    labels = torch.randint(classes, (batch, annotators, *spatial), generator=generator)
    labels[0, -1] = -1
    labels[0, 0].view(-1)[1::2] = -1
    return log_probs, entries.log_softmax(2), labels


def loss_in_loops(log_probs: torch.Tensor, log_confusion: torch.Tensor, labels: torch.Tensor, weight: float) -> float:
    """Equation 4 as it stands, the sums and matrix products written out."""
    p, confusion = log_probs.exp().flatten(2), log_confusion.exp().flatten(4)
    total = 0.0
    for n in range(len(labels)):
        for r in range(labels.shape[1]):
            written = labels[n, r].flatten().tolist()
            pixels = [x for x in range(len(written)) if written[x] != -1]
            for x in pixels:
                annotator = confusion[n, r, :, :, x] @ p[n, :, x]
                trace = sum(confusion[n, r, i, i, x].item() for i in range(p.shape[1]))
                total += (-math.log(annotator[written[x]].item()) + weight * trace) / len(pixels)
    return total / len(labels)


@pytest.mark.parametrize("spatial", SHAPES)
@pytest.mark.parametrize("trace_weight", [0.0, 0.3])
def test_the_loss_is_equation_4(spatial: tuple[int, ...], trace_weight: float):
    tensors = problem(spatial)
    loss = AnnotatorConfusionLoss(trace_weight)(*tensors)
    assert loss.ndim == 0
    assert loss.item() == pytest.approx(loss_in_loops(*tensors, trace_weight), rel=1e-12)


@pytest.mark.parametrize("classes, annotators", [(2, 1), (2, 5), (5, 2)])
def test_any_number_of_classes_and_annotators(classes: int, annotators: int):
    tensors = problem((3, 4), annotators=annotators, classes=classes)
    assert AnnotatorConfusionLoss(0.1)(*tensors).item() == pytest.approx(loss_in_loops(*tensors, 0.1), rel=1e-12)


def test_the_warm_up_maximizes_the_trace():
    tensors = problem((4, 4))
    loss = AnnotatorConfusionLoss(trace_weight=0.1, warm_up_weight=0.7, warming_up=True)
    assert loss(*tensors).item() == pytest.approx(loss_in_loops(*tensors, -0.7), rel=1e-12)
    loss.warming_up = False
    assert loss(*tensors).item() == pytest.approx(loss_in_loops(*tensors, 0.1), rel=1e-12)


def test_perfect_annotators_leave_the_cross_entropy():
    log_probs, _, labels = problem((4, 3))
    perfect = torch.eye(3, dtype=torch.float64).log()[None, None, ..., None, None].expand(2, 3, 3, 3, 4, 3)
    likelihood = annotator_negative_log_likelihood(log_probs, perfect, labels)
    for n, r in [(0, 0), (0, 1), (1, 2)]:
        expected = functional.nll_loss(log_probs[n : n + 1], labels[n : n + 1, r], ignore_index=-1)
        assert likelihood[n, r].item() == pytest.approx(expected.item(), rel=1e-12)


def test_it_is_the_log_of_what_the_annotators_are_expected_to_write():
    log_probs, log_confusion, labels = problem((2, 3, 2))
    expected = annotator_log_probabilities(log_probs, log_confusion)
    labels = labels.clamp_min(0)
    written = expected.gather(2, labels[:, :, None]).squeeze(2)
    likelihood = annotator_negative_log_likelihood(log_probs, log_confusion, labels)
    torch.testing.assert_close(likelihood, -written.flatten(2).mean(2))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 4), st.floats(0.01, 50))
def test_expected_labels_are_probabilities(seed: int, classes: int, sharpness: float):
    log_probs, log_confusion, _ = problem((2, 2), classes=classes, seed=seed)
    log_probs, log_confusion = (sharpness * log_probs).log_softmax(1), (sharpness * log_confusion).log_softmax(2)
    total = annotator_log_probabilities(log_probs, log_confusion).exp().sum(2)
    torch.testing.assert_close(total, torch.ones_like(total))


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(3)), st.permutations(range(3)))
def test_the_order_of_annotators_and_of_classes_does_not_matter(annotators: list[int], classes: list[int]):
    log_probs, log_confusion, labels = problem((3, 3))
    loss = AnnotatorConfusionLoss()
    renamed = torch.argsort(torch.tensor(classes))[labels.clamp_min(0)].where(labels >= 0, -1)
    other = loss(
        log_probs[:, classes], log_confusion[:, annotators][:, :, classes][:, :, :, classes], renamed[:, annotators]
    )
    assert other.item() == pytest.approx(loss(log_probs, log_confusion, labels).item(), rel=1e-12)


def test_gradients():
    log_probs, log_confusion, labels = problem((2, 2))
    for warming_up in (False, True):
        loss = AnnotatorConfusionLoss(0.3, warming_up=warming_up)
        assert torch.autograd.gradcheck(
            lambda z, a, loss=loss: loss(z.log_softmax(1), a.log_softmax(2), labels),
            (log_probs.clone().requires_grad_(), log_confusion.clone().requires_grad_()),
        )


def test_who_is_absent_is_left_out_of_likelihood_and_trace():
    log_probs, log_confusion, labels = problem((3, 2))
    log_confusion.requires_grad_()
    assert annotator_negative_log_likelihood(log_probs, log_confusion, labels)[0, -1] == 0
    assert mean_trace(log_confusion, labels)[0, -1] == 0
    AnnotatorConfusionLoss()(log_probs, log_confusion, labels).backward()
    touched = (log_confusion.grad != 0).flatten(2).any(2)
    assert touched.tolist() == [[True, True, False], [True, True, True]]
    unlabeled = log_confusion.grad[0, 0].flatten(2)[..., labels[0, 0].flatten() == -1]
    assert (unlabeled == 0).all()


def test_an_annotator_weighs_the_same_however_much_is_labeled():
    log_probs, log_confusion, labels = problem((4, 4), batch=1, annotators=1)
    constant = [tensor[..., :1, :1].expand_as(tensor) for tensor in (log_probs, log_confusion)]
    labels = torch.zeros_like(labels)
    everywhere = AnnotatorConfusionLoss()(*constant, labels)
    labels[..., 1:, :] = -1
    assert AnnotatorConfusionLoss()(*constant, labels).item() == pytest.approx(everywhere.item(), rel=1e-12)


def test_images_without_labels_and_empty_batches():
    log_probs, log_confusion, labels = problem((3, 2))
    log_probs.requires_grad_()
    nothing = AnnotatorConfusionLoss()(log_probs, log_confusion, torch.full_like(labels, -1))
    nothing.backward()
    assert nothing.item() == 0
    assert (log_probs.grad == 0).all()
    assert AnnotatorConfusionLoss()(log_probs[:0], log_confusion[:0], labels[:0]).isnan()


def test_known_matrices_with_zeros_have_finite_gradients():
    log_probs, _, labels = problem((2, 2), classes=2)
    log_probs.requires_grad_()
    known = torch.tensor([[1.0, 0.5], [0.0, 0.5]]).double().log()[..., None, None].expand(2, 3, 2, 2, 2, 2)
    AnnotatorConfusionLoss()(log_probs, known, labels).backward()
    assert log_probs.grad.isfinite().all()
    impossible = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).double().log()[..., None, None].expand(2, 3, 2, 2, 2, 2)
    assert annotator_negative_log_likelihood(log_probs, impossible, torch.ones_like(labels)).isinf().all()


@pytest.mark.parametrize("size", [1e2, 1e4])
def test_extreme_logits(size: float):
    log_probs, log_confusion, labels = problem((3, 3))
    logits, entries = (tensor.float().mul(size).requires_grad_() for tensor in (log_probs, log_confusion))
    loss = AnnotatorConfusionLoss()(logits.log_softmax(1), entries.log_softmax(2), labels)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad.isfinite().all()
    assert entries.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype: torch.dtype):
    log_probs, log_confusion, labels = problem((32, 32))
    log_probs, log_confusion = log_probs.to(dtype), log_confusion.to(dtype)
    loss = AnnotatorConfusionLoss()(log_probs, log_confusion, labels)
    assert loss.dtype == torch.float32
    expected = AnnotatorConfusionLoss()(log_probs.double(), log_confusion.double(), labels)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.float32])
def test_labels_of_any_type_and_with_metadata(dtype: torch.dtype):
    log_probs, log_confusion, labels = problem((3, 4))
    expected = AnnotatorConfusionLoss()(log_probs, log_confusion, labels)
    loss = AnnotatorConfusionLoss()(log_probs, log_confusion, MetaTensor(labels.to(dtype)))
    assert type(loss) is torch.Tensor
    assert loss.item() == expected.item()


def test_mistakes_are_named():
    log_probs, log_confusion, labels = problem((3, 4))
    loss = AnnotatorConfusionLoss()
    with pytest.raises(ArgumentError, match="labels: expected class indices up to 2"):
        loss(log_probs, log_confusion, torch.full_like(labels, 3))
    with pytest.raises(ArgumentError, match=r"labels: expected the shape \(2, 3, 3, 4\)"):
        loss(log_probs, log_confusion, labels[:, :, :2])
    with pytest.raises(ArgumentError, match="log_confusion: expected the shape"):
        loss(log_probs, log_confusion[:, :2], labels)
    with pytest.raises(ArgumentError, match="log_confusion: expected the shape"):
        loss(log_probs[:, :2], log_confusion, labels)
    with pytest.raises(ArgumentError, match=r"expected \(batch, class"):
        loss(log_probs, log_confusion, labels[:, 0])
    for arguments in ({"trace_weight": -0.1}, {"warm_up_weight": math.inf}):
        with pytest.raises(ArgumentError, match="expected a finite number"):
            AnnotatorConfusionLoss(**arguments)


def annotated(confusion: torch.Tensor, labels_per_image: int | None = None, images: int = 400) -> tuple:
    """Many images of one scene of 12 pixels, whose annotators draw each label from their column of the true class."""
    generator = torch.Generator().manual_seed(0)
    annotators, classes, _ = confusion.shape
    truth = torch.arange(12) % classes
    columns = confusion[:, :, truth].transpose(1, 2).reshape(-1, classes)
    labels = torch.multinomial(columns, images, replacement=True, generator=generator)
    labels = labels.T.reshape(images, annotators, 12).clone()
    if labels_per_image is not None:
        order = torch.rand(images, annotators, generator=generator).argsort(1)
        labels[order >= labels_per_image] = -1
    return truth, labels


def disentangle(labels: torch.Tensor, classes: int, trace_weight: float, steps: int = 200) -> tuple:
    """Matrices ``(R, L, L)`` and pixels' probabilities ``(L, pixels)`` that minimize the loss, from near identity."""
    images, annotators, pixels = labels.shape
    logits = torch.zeros(1, classes, pixels, requires_grad=True)
    entries = (2.0 * torch.eye(classes)).repeat(annotators, 1, 1).requires_grad_()
    loss = AnnotatorConfusionLoss(trace_weight)
    optimizer = torch.optim.Adam([logits, entries], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        log_confusion = entries.log_softmax(1)[None, ..., None].expand(images, -1, -1, -1, pixels)
        loss(logits.log_softmax(1).expand(images, -1, -1), log_confusion, labels).backward()
        optimizer.step()
    return entries.detach().softmax(1), logits.detach().softmax(1)[0]


def test_lemma_1_small_traces_recover_one_annotator_and_the_truth():
    confusion = torch.tensor([[[0.6, 0.1, 0.2], [0.3, 0.7, 0.2], [0.1, 0.2, 0.6]]])
    truth, labels = annotated(confusion)
    estimate, probabilities = disentangle(labels, 3, trace_weight=0.05)
    assert (probabilities.argmax(0) == truth).all()
    assert probabilities.max(0).values.min() > 0.9
    assert (estimate - confusion).abs().max() < 0.05

    entangled, blurred = disentangle(labels, 3, trace_weight=0.0)
    assert (entangled - confusion).abs().max() > 0.15
    assert blurred.max(0).values.mean() < 0.85


@pytest.mark.parametrize("labels_per_image", [None, 1])
def test_theorem_1_annotators_that_are_right_on_average(labels_per_image: int | None):
    # the second confuses the classes more often than not; the mean matrix is diagonally dominant
    confusion = torch.tensor([[[0.9, 0.2], [0.1, 0.8]], [[0.4, 0.7], [0.6, 0.3]], [[1.0, 0.6], [0.0, 0.4]]])
    truth, labels = annotated(confusion, labels_per_image)
    estimate, probabilities = disentangle(labels, 2, trace_weight=0.05)
    assert (probabilities.argmax(0) == truth).all()
    assert (estimate - confusion).abs().max() < 0.06
    entangled, _ = disentangle(labels, 2, trace_weight=0.0)
    assert (entangled - confusion).abs().max() > 0.12
