"""How well each annotator's labels are predicted."""

from __future__ import annotations

import torch

from common.errors import ArgumentError
from common.metrics.agreement import pairwise_similarity
from common.metrics.image_metric import ImageMetric

__all__ = ["AnnotatorDice", "annotator_dice"]


def annotator_dice(predictions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Dice of each annotator's prediction with that annotator's label, see `pairwise_similarity`.

    Args:
        predictions: class indices ``(R, *spatial)`` of any type, 0 is background; or ``(1, *spatial)``, one for all.
        labels: class indices ``(R, *spatial)``; −1 where an annotator did not label.

    Returns:
        ``(R,)`` float64 in [0, 1] (on the CPU for Apple's MPS); 1 where both are empty, nan for an annotator who
        labeled nothing.

    Raises:
        ArgumentError: if the shapes do not fit each other.

    Example:
        >>> annotator_dice(torch.tensor([[1, 1, 0], [0, 0, 0]]), torch.tensor([[1, 0, 0], [-1, -1, -1]]))
        tensor([0.6667,    nan], dtype=torch.float64)
    """
    if len(predictions) not in (1, len(labels)):
        raise ArgumentError(
            f"predictions and labels: expected as many predictions as annotators, {len(labels)}, or one for all, "
            f"got {len(predictions)}."
        )
    pairs = zip(predictions.expand(len(labels), *predictions.shape[1:]), labels, strict=True)
    scores = [pairwise_similarity(one[None], other[None])[0, 0] for one, other in pairs]
    return torch.stack(scores) if scores else torch.empty(0, dtype=torch.float64)


class AnnotatorDice(ImageMetric):
    """`annotator_dice` of every image, as a MONAI metric.

    Args:
        reduction, get_not_nans: see `ImageMetric`; ``"mean_batch"`` gives one value per annotator.

    Example:
        >>> metric = AnnotatorDice()
        >>> labels = torch.eye(3)[None].expand(4, 3, 3)  # 4 images, 3 annotators
        >>> metric(y_pred=labels, y=labels).shape
        torch.Size([4, 3])
        >>> metric.aggregate()
        tensor([1.])
    """

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """`annotator_dice` of each image.

        Args:
            prediction: predicted class maps ``(B, R or 1, *spatial)``.
            target: the annotators' class maps ``(B, R, *spatial)``, −1 where nothing was labeled.

        Returns:
            ``(B, R)`` in [0, 1], nan for an annotator without a labeled pixel.
        """
        return torch.stack([annotator_dice(*sets) for sets in zip(prediction, target, strict=True)])
