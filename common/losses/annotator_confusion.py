"""Likelihood of several annotators' labels under one truth and each annotator's confusion matrices."""

from __future__ import annotations

import torch
from torch import nn

from common.errors import ArgumentError
from common.losses.segmentation_loss import non_negative

__all__ = [
    "AnnotatorConfusionLoss",
    "annotator_log_probabilities",
    "annotator_negative_log_likelihood",
    "mean_trace",
]


def annotator_log_probabilities(log_probs: torch.Tensor, log_confusion: torch.Tensor) -> torch.Tensor:
    """What each annotator is expected to write: the log of A⁽ʳ⁾·p at every pixel.

        log p(ỹ⁽ʳ⁾ = i) = log Σ_j A⁽ʳ⁾[i, j] · p[j]

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, eq. 2.

    Args:
        log_probs: log p of the true class, ``(B, L, *spatial)``.
        log_confusion: log A, ``(B, R, L, L, *spatial)``; ``A[i, j] = p(noisy = i | true = j)``, columns sum to 1.

    Returns:
        ``(B, R, L, *spatial)``, which sum to 1 over L after ``exp``.

    Example:
        >>> p, confusion = torch.tensor([[[0.8], [0.2]]]), torch.tensor([[0.9, 0.5], [0.1, 0.5]])[None, None, ..., None]
        >>> annotator_log_probabilities(p.log(), confusion.log()).exp().flatten()  # 0.9·0.8 + 0.5·0.2
        tensor([0.8200, 0.1800])
    """
    return torch.logsumexp(log_confusion + log_probs[:, None, None], 3)


def annotator_negative_log_likelihood(
    log_probs: torch.Tensor, log_confusion: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """−log p of each annotator's labels, the mean over the pixels that the annotator labeled.

        NLL⁽ʳ⁾ = −mean log Σ_j A⁽ʳ⁾[ỹ⁽ʳ⁾, j] · p[j]

    Of every A only the row of the observed label is read. Zhang et al., *Disentangling Human Error from Ground Truth in
    Segmentation of Medical Images*, eq. 3. Erratum: it is the likelihood of A·p itself; the published code applies a
    softmax to these probabilities.

    Args:
        log_probs: log p of the true class, ``(B, L, *spatial)``, 2-D or 3-D.
        log_confusion: log A, ``(B, R, L, L, *spatial)``; ``A[i, j] = p(noisy = i | true = j)``, columns sum to 1.
        labels: class indices ``(B, R, *spatial)`` of any type; −1 where the annotator did not label.

    Returns:
        ``(B, R)``, float64 for float64, else float32; 0 for an annotator who labeled no pixel of the image, infinite
        for labels of probability 0.

    Raises:
        ArgumentError: if the shapes do not fit each other, or a label is no class.

    Example:
        >>> p, confusion = torch.tensor([[[0.8], [0.2]]]), torch.tensor([[0.9, 0.5], [0.1, 0.5]])[None, None, ..., None]
        >>> annotator_negative_log_likelihood(p.log(), confusion.log(), torch.tensor([[[0]]])).exp()  # 1 / 0.82
        tensor([[1.2195]])
    """
    log_probs, log_confusion, labels = _checked(log_probs, log_confusion, labels)
    observed = labels.long().clamp_min(0)[:, :, None, None].expand(-1, -1, 1, log_probs.shape[1], *labels.shape[2:])
    try:
        rows = log_confusion.gather(2, observed).squeeze(2)
    except RuntimeError as error:  # on CUDA the kernel's own assertion says so, later
        raise ArgumentError(f"labels: expected class indices up to {log_probs.shape[1] - 1}, got others.") from error
    return _mean_over_labeled(-torch.logsumexp(_float(rows) + _float(log_probs)[:, None], 2), labels)


def mean_trace(log_confusion: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Trace of each annotator's matrix, tr A⁽ʳ⁾ = Σ_i A⁽ʳ⁾[i, i], the mean over the pixels that the annotator labeled.

    Args:
        log_confusion: log A, ``(B, R, L, L, *spatial)``.
        labels: ``(B, R, *spatial)``; negative where the annotator did not label.

    Returns:
        ``(B, R)`` from 0 to L, float64 for float64, else float32; 0 for an annotator who labeled no pixel of the
        image.

    Example:
        >>> mean_trace(torch.tensor([[0.9, 0.5], [0.1, 0.5]]).log()[None, None, ..., None], torch.tensor([[[0]]]))
        tensor([[1.4000]])
    """
    return _mean_over_labeled(_float(log_confusion.diagonal(dim1=2, dim2=3)).exp().sum(-1), labels)


class AnnotatorConfusionLoss(nn.Module):
    """Loss of Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, eq. 4.

        L = mean over images of Σ_{r ∈ S(x)} [ NLL⁽ʳ⁾ + λ · tr A⁽ʳ⁾ ]

    with the negative log-likelihood of the labels under A⁽ʳ⁾·p and the trace, both means over the pixels that annotator
    r labeled; S(x) are the annotators who labeled at least one pixel of image x, so that one who is absent takes part
    in neither. Small traces make the annotators as unreliable as the labels allow, which is what tells their errors
    from the truth (Theorem 1). While ``warming_up``, the trace is maximized instead (section 3.4):

        L = mean over images of Σ_{r ∈ S(x)} [ NLL⁽ʳ⁾ − w · tr A⁽ʳ⁾ ]

    Errata: any number of annotators, absent ones left out, no softmax of probabilities, and the warm-up that the
    published code lacks.

    Args:
        trace_weight: λ ≥ 0 (the paper's figure 3: 0 to 0.9).
        warm_up_weight: w ≥ 0.
        warming_up: state at the start; switch the attribute of that name to end the warm-up.

    Raises:
        ArgumentError: if a weight is negative or not finite.

    Example:
        >>> loss = AnnotatorConfusionLoss(trace_weight=0.1)
        >>> log_half = torch.full((1, 2, 2, 2, 4, 4), 0.5).log()  # 2 annotators who guess, 2 classes
        >>> loss(log_half[:, 0, 0], log_half, torch.ones(1, 2, 4, 4))  # 2 · (log 2 + 0.1 · 1)
        tensor(1.5863)
    """

    def __init__(self, trace_weight: float = 0.1, warm_up_weight: float = 1.0, warming_up: bool = False) -> None:
        super().__init__()
        self.trace_weight = non_negative("trace_weight", trace_weight)
        self.warm_up_weight = non_negative("warm_up_weight", warm_up_weight)
        self.warming_up = warming_up

    def forward(self, log_probs: torch.Tensor, log_confusion: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """The loss of a batch.

        Args:
            log_probs: log p of the true class, ``(B, L, *spatial)``, 2-D or 3-D.
            log_confusion: log A, ``(B, R, L, L, *spatial)``; ``A[i, j] = p(noisy = i | true = j)``, columns sum to 1.
            labels: class indices ``(B, R, *spatial)`` of any type; −1 where the annotator did not label.

        Returns:
            A scalar, float64 for float64, else float32, under AMP too. An image without any label contributes 0; an
            empty batch has the mean nan, as in PyTorch.

        Raises:
            ArgumentError: if the shapes do not fit each other, or a label is no class.
        """
        loss = annotator_negative_log_likelihood(log_probs, log_confusion, labels)
        weight = -self.warm_up_weight if self.warming_up else self.trace_weight
        if weight:
            loss = loss + weight * mean_trace(log_confusion, labels)
        return loss.sum(1).mean()


def _checked(log_probs: torch.Tensor, log_confusion: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """All three as plain tensors, since MetaTensor would wrap every single operation."""
    if log_probs.ndim < 3 or labels.ndim != log_probs.ndim:
        raise ArgumentError(
            "log_probs and labels: expected (batch, class, *spatial) and (batch, annotator, *spatial), "
            f"got the shapes {tuple(log_probs.shape)} and {tuple(labels.shape)}."
        )
    batch, classes, *spatial = log_probs.shape
    annotators = labels.shape[1]
    for name, tensor, expected in (
        ("labels", labels, (batch, annotators, *spatial)),
        ("log_confusion", log_confusion, (batch, annotators, classes, classes, *spatial)),
    ):
        if tensor.shape != expected:
            raise ArgumentError(
                f"{name}: expected the shape {expected} for log_probs of shape {tuple(log_probs.shape)} and "
                f"{annotators} annotators, got {tuple(tensor.shape)}."
            )
    return tuple(tensor.as_subclass(torch.Tensor) for tensor in (log_probs, log_confusion, labels))


def _float(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _mean_over_labeled(values: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    labeled = labels.as_subclass(torch.Tensor) >= 0
    total = torch.where(labeled, values, 0).flatten(2).sum(2)
    return total / labeled.flatten(2).sum(2).clamp_min(1)
