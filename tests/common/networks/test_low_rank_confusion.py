"""How near low-rank matrices come to an annotator without errors, with and without s·I."""

from __future__ import annotations

import math

import pytest
import torch

from common.networks import ConfusionHead


def diagonals(entries: torch.Tensor, classes: int, **arguments) -> torch.Tensor:
    """log A[j, j], ``(L, N)``, of a rank-1 head that takes its entries ``(channels, N)`` from the features."""
    head = ConfusionHead(2, len(entries), classes, 1, rank=1, **arguments).double()
    with torch.no_grad():
        head.entries.weight.copy_(torch.eye(len(entries))[..., None, None])
        head.entries.bias.zero_()
        return head(entries[None, :, :, None])[0, 0, :, :, :, 0].diagonal().T


def negative_log_likelihood(diagonal: torch.Tensor) -> torch.Tensor:
    """Of annotators without errors who see all classes equally often."""
    return -diagonal.mean(0)


def drawn(count: int) -> torch.Tensor:
    """Entries from flat to nearly certain matrices."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 5000, generator=generator, dtype=torch.float64) * torch.logspace(-1, 2, 5000).double()


@pytest.mark.parametrize(
    ("classes", "floor", "rows", "columns"),
    [
        (3, 0.2310, [-1, 1 - 1e-5, 1], [-1e3, 1e2, 1e7]),  # the second class is one of two that are as likely
        (4, 0.3466, [-1, -1 + 1e-5, 1 - 1e-5, 1], [-1e7, -1e2, 1e2, 1e7]),  # so are the second and the third
    ],
)
def test_rank_1_alone_cannot_represent_a_good_annotator(
    classes: int, floor: float, rows: list[float], columns: list[float]
) -> None:
    """In L − 2 columns the diagonal is 1/2 at most; (L − 2)/L · log 2 is the floor, which can be come near to."""
    bound = (classes - 2) / classes * math.log(2)
    assert bound == pytest.approx(floor, abs=1e-4)
    diagonal = diagonals(drawn(2 * classes), classes)
    assert ((diagonal <= math.log(0.5) + 1e-12).sum(0) >= classes - 2).all()
    assert negative_log_likelihood(diagonal).min() >= bound - 1e-12
    nearest = diagonals(torch.tensor([*rows, *columns], dtype=torch.float64)[:, None], classes)
    assert nearest.exp().min() == pytest.approx(0.5, abs=1e-3)
    assert float(negative_log_likelihood(nearest)) == pytest.approx(bound, abs=2e-3)


@pytest.mark.parametrize("classes", [3, 4, 8])
def test_with_the_identity_rank_1_reaches_a_good_annotator(classes: int) -> None:
    """Whatever B₁ and B₂ are, A[j, j] tends to 1 as s grows."""
    entries = drawn(2 * classes + 1)[:, :2000]
    spread = 2 * entries[:classes].abs().amax(0) * entries[classes:-1].abs().amax(0)  # of the entries of B₁·B₂ᵀ
    entries[-1] = spread + 10
    diagonal = diagonals(entries, classes, add_identity=True)
    assert negative_log_likelihood(diagonal).max() < classes * math.exp(-10)


def test_identity_plus_low_rank_is_the_softmax_of_the_sum() -> None:
    generator = torch.Generator().manual_seed(0)
    head = ConfusionHead(3, 5, num_classes=4, num_annotators=2, rank=2, add_identity=True).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(generator=generator)
    x = torch.randn(2, 5, 2, 3, 2, generator=generator, dtype=torch.float64)
    entries = head.entries(x).reshape(2, 2, 17, 2, 3, 2)
    rows, columns = entries[:, :, :8].unflatten(2, (4, 2)), entries[:, :, 8:16].unflatten(2, (4, 2))
    logits = torch.einsum("brikxyz,brjkxyz->brijxyz", rows, columns)
    for i in range(4):
        logits[:, :, i, i] += entries[:, :, 16]
    torch.testing.assert_close(head(x), logits.log_softmax(2))
    assert (head(x).exp() > 0).all()


def test_gradients_of_identity_plus_low_rank() -> None:
    head = ConfusionHead(2, 2, num_classes=3, num_annotators=2, rank=1, add_identity=True).double()
    x = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    with torch.no_grad():
        head.entries.weight.normal_(generator=torch.Generator().manual_seed(1))
    assert torch.autograd.gradcheck(head, (x,))
