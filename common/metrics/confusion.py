"""How far estimated confusion matrices are from the true ones."""

from __future__ import annotations

import torch

from common.errors import ArgumentError
from common.metrics.image_metric import ImageMetric

__all__ = ["ConfusionMatrixError", "confusion_matrix_error"]


def confusion_matrix_error(estimate: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Root mean squared error of each annotator's confusion matrices.

        RMSE⁽ʳ⁾ = √ mean (Â⁽ʳ⁾[i, j] − A⁽ʳ⁾[i, j])²

    over the entries, and pixels, whose true value is known (not nan). With the truth of
    `common.noise.pixelwise_confusion` these are the column of each pixel's true class, all that labels can tell.

    The column "CM estimation" in tables 1, 2, 4 and 5 of Zhang et al., *Disentangling Human Error from Ground Truth in
    Segmentation of Medical Images*, section 4. Their code compares an average over pixels with the joint frequencies of
    both labels, which are no conditional probabilities, and takes no root; the tables' values are no target.

    Args:
        estimate: probabilities ``(B, R, L, L, *spatial)``, or ``(B, R, L, L)`` if the same at every pixel.
        truth: ``(B, R, L, L, *spatial)``, or ``(B, R, L, L)`` as the estimate; nan where unknown.

    Returns:
        ``(B, R)`` float64 in [0, 1] (on the CPU for Apple's MPS); nan where nothing is known.

    Raises:
        ArgumentError: if the shapes do not fit each other.

    Example:
        >>> estimate = torch.tensor([[0.7, 0.5], [0.3, 0.5]])[None, None]
        >>> confusion_matrix_error(estimate, torch.tensor([[1.0, torch.nan], [0.0, torch.nan]])[None, None])
        tensor([[0.3000]], dtype=torch.float64)
    """
    if estimate.ndim < 4 or estimate.shape not in (truth.shape, truth.shape[:4]):
        raise ArgumentError(
            "estimate and truth: expected confusion matrices (batch, annotator, class, class, *spatial), "
            f"got {tuple(estimate.shape)} and {tuple(truth.shape)}."
        )
    if truth.device.type == "mps":  # has no float64
        estimate, truth = estimate.cpu(), truth.cpu()
    estimate, truth = estimate.as_subclass(torch.Tensor), truth.as_subclass(torch.Tensor)
    estimate = estimate.reshape(*estimate.shape, *[1] * (truth.ndim - estimate.ndim))
    return (estimate - truth).flatten(2).double().square().nanmean(2).sqrt()


class ConfusionMatrixError(ImageMetric):
    """`confusion_matrix_error` of every image and annotator, as a MONAI metric.

    Args:
        reduction, get_not_nans: see `ImageMetric`; ``"mean_batch"`` gives one value per annotator.

    Example:
        >>> metric = ConfusionMatrixError()
        >>> metric(y_pred=torch.full((4, 3, 2, 2), 0.5), y=torch.eye(2).expand(4, 3, 2, 2)).shape
        torch.Size([4, 3])
        >>> metric.aggregate().item()
        0.5
    """

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """`confusion_matrix_error` of each image.

        Args:
            prediction: estimated confusion matrices, as `confusion_matrix_error` takes them.
            target: the true ones.

        Returns:
            ``(B, R)``, at least 0.
        """
        return confusion_matrix_error(prediction, target)
