"""How probable each annotator's labels are under what is predicted of that annotator."""

from __future__ import annotations

import torch

from common.errors import ArgumentError
from common.metrics.image_metric import ImageMetric

__all__ = ["AnnotatorLogLikelihood", "annotator_log_likelihood"]

SMALLEST_PROBABILITY = 1e-7  # in float32 a probability of 1 − 1e-8 is 1, and its counterpart 0


def annotator_log_likelihood(probabilities: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean of log p of each annotator's labels, over the pixels that the annotator labeled.

    Args:
        probabilities: of each annotator's classes, ``(R, L, *spatial)``, or ``(1, L, *spatial)``, one for all. Below
            1e-7 they count as 1e-7.
        labels: class indices ``(R, *spatial)`` of any type; −1 where an annotator did not label.

    Returns:
        ``(R,)``, at most 0; nan for an annotator who labeled nothing.

    Raises:
        ArgumentError: if the shapes do not fit each other.

    Example:
        >>> annotator_log_likelihood(torch.tensor([[[0.8], [0.2]]]), torch.tensor([[1], [-1]])).exp()
        tensor([0.2000,    nan])
    """
    if len(probabilities) not in (1, len(labels)) or probabilities.shape[2:] != labels.shape[1:]:
        raise ArgumentError(
            f"probabilities and labels: expected (annotator or 1, class, *spatial) and (annotator, *spatial), "
            f"got {tuple(probabilities.shape)} and {tuple(labels.shape)}."
        )
    probabilities, labels = (tensor.as_subclass(torch.Tensor) for tensor in (probabilities, labels))
    if probabilities.dtype != torch.float64:
        probabilities = probabilities.float()  # float16 cannot hold the smallest probability
    everyone = probabilities.expand(len(labels), *probabilities.shape[1:])
    observed = everyone.gather(1, labels.long().clamp_min(0)[:, None])[:, 0]
    log = observed.clamp_min(SMALLEST_PROBABILITY).log()
    return torch.where(labels >= 0, log, torch.nan).flatten(1).nanmean(1)


class AnnotatorLogLikelihood(ImageMetric):
    """`annotator_log_likelihood` of every image, as a MONAI metric; higher is better.

    Args:
        reduction, get_not_nans: see `ImageMetric`; ``"mean_batch"`` gives one value per annotator.

    Example:
        >>> metric = AnnotatorLogLikelihood()
        >>> metric(y_pred=torch.full((4, 3, 2, 5), 0.5), y=torch.ones(4, 3, 5)).shape
        torch.Size([4, 3])
        >>> metric.aggregate().exp()
        tensor([0.5000])
    """

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """`annotator_log_likelihood` of each image.

        Args:
            prediction: probabilities ``(B, R or 1, L, *spatial)`` in [0, 1].
            target: the annotators' class maps ``(B, R, *spatial)``, −1 where nothing was labeled.

        Returns:
            ``(B, R)``, at most 0.
        """
        return torch.stack([annotator_log_likelihood(*sets) for sets in zip(prediction, target, strict=True)])
