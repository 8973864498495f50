"""Cross-entropy with a consensus, and the likelihood under known matrices, against float64 transcriptions."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from common.errors import ArgumentError
from common.losses import ConsensusLoss, OracleLoss


def log_probabilities(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(shape, generator=generator, dtype=torch.float64).log_softmax(1)


@pytest.mark.parametrize("spatial", [(5, 4), (3, 4, 2)])
def test_hard_and_soft_agree_with_torch(spatial: tuple[int, ...]) -> None:
    log_probs, generator = log_probabilities(2, 3, *spatial), torch.Generator().manual_seed(1)
    label = torch.randint(3, (2, 1, *spatial), generator=generator)
    one_hot = torch.stack([label[:, 0] == c for c in range(3)], 1).double()
    expected = cross_entropy(log_probs, label[:, 0])
    torch.testing.assert_close(ConsensusLoss()(log_probs, None, label), expected)
    torch.testing.assert_close(ConsensusLoss()(log_probs, None, one_hot), expected)
    soft = torch.rand(one_hot.shape, generator=generator, dtype=torch.float64).softmax(1)
    torch.testing.assert_close(ConsensusLoss()(log_probs, None, soft), cross_entropy(log_probs, soft))


def test_pixels_without_a_label_do_not_count() -> None:
    log_probs, label = log_probabilities(1, 2, 6), torch.tensor([[[0, 1, -1, 1, -1, 0]]])
    expected = cross_entropy(log_probs, label[:, 0], ignore_index=-1)
    torch.testing.assert_close(ConsensusLoss()(log_probs, None, label), expected)
    assert ConsensusLoss()(log_probs, None, torch.full_like(label, -1)) == 0


def test_consensus_gradients() -> None:
    logits = torch.randn(1, 3, 4, dtype=torch.float64, requires_grad=True)
    label = torch.tensor([[[0, 2, -1, 1]]])
    assert torch.autograd.gradcheck(lambda z: ConsensusLoss()(z.log_softmax(1), None, label), logits)


def test_consensus_of_another_shape() -> None:
    with pytest.raises(ArgumentError, match="consensus"):
        ConsensusLoss()(log_probabilities(2, 3, 5), None, torch.zeros(2, 2, 5))


@pytest.mark.parametrize("classes", [2, 3])
def test_oracle(classes: int) -> None:
    """Where an annotator wrote anything, p(ỹ) = p_y + (1 − p_y) / L, since the other columns are 1 / L."""
    log_probs, generator = log_probabilities(2, classes, 5, 4), torch.Generator().manual_seed(1)
    truth = torch.randint(classes, (2, 1, 5, 4), generator=generator)
    labels = torch.randint(classes, (2, 3, 5, 4), generator=generator)
    labels[0, 1] = -1
    p = log_probs.exp().gather(1, truth)
    nll = -(p + (1 - p) / classes).log().mean((1, 2, 3))
    torch.testing.assert_close(OracleLoss()(log_probs, None, labels, truth), (2 * nll[0] + 3 * nll[1]) / 2)


def test_oracle_gradients_are_finite() -> None:
    """The logarithm of entries that are 0 takes part in no likelihood."""
    logits = torch.randn(1, 2, 6, dtype=torch.float64, requires_grad=True)
    labels, truth = torch.tensor([[[0, 1, 0, 1, -1, -1]]]), torch.tensor([[[0, 1, 1, 0, 0, 1]]])
    assert torch.autograd.gradcheck(lambda z: OracleLoss()(z.log_softmax(1), None, labels, truth), logits)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_precision_is_computed_in_float32(dtype: torch.dtype) -> None:
    """The sum over 512² pixels of log 2 is more than float16 can hold, and bfloat16 stops counting at 256."""
    log_probs = torch.full((1, 2, 512, 512), 0.5).log().to(dtype)
    for consensus in (torch.ones(1, 1, 512, 512), torch.full((1, 2, 512, 512), 0.5)):
        with torch.autocast("cpu", torch.bfloat16):
            value = ConsensusLoss()(log_probs, None, consensus)
        torch.testing.assert_close(value, -log_probs[0, 0, 0, 0].float())


def test_a_certain_network_that_is_right_costs_nothing() -> None:
    """Also with shares, of which those of the other classes are 0."""
    log_probs = torch.tensor([[[0.0, -torch.inf], [-torch.inf, 0.0]]]).requires_grad_()
    for consensus in (torch.tensor([[[0, 1]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])):
        loss = ConsensusLoss()(log_probs, None, consensus)
        (gradient,) = torch.autograd.grad(loss, log_probs)
        assert loss == 0 and gradient.isfinite().all()
