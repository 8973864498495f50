"""What metrics of images share: values of each image, collected and reduced as MONAI's metrics do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from monai.metrics import CumulativeIterationMetric
from monai.utils import MetricReduction

from common.errors import ArgumentError
from common.metrics.conventions import reduce_known

__all__ = ["ImageMetric"]


class ImageMetric(CumulativeIterationMetric, ABC):
    """A MONAI metric of a function that gives ``(B, N)`` values for B images: of classes, of annotators, or one.

    Args:
        reduction: of the images' and the N values, see MONAI's metrics; nan values are left out, and the mean of none
            is nan. ``"mean_batch"`` gives one value for each of the N.
        get_not_nans: whether `aggregate` returns the number of values too.

    Raises:
        ArgumentError: if there is no such reduction.

    Example:
        >>> class Agreement(ImageMetric):
        ...     def values(self, prediction, target):
        ...         return (prediction == target).float().mean(-1)
        >>> metric = Agreement()
        >>> _ = metric(torch.tensor([[[0, 1]]]), torch.tensor([[[1, 1]]]))
        >>> metric.aggregate()
        tensor([0.5000])
    """

    def __init__(self, reduction: MetricReduction | str = MetricReduction.MEAN, *, get_not_nans: bool = False) -> None:
        super().__init__()
        if reduction not in list(MetricReduction):
            raise ArgumentError(f"reduction: expected one of {', '.join(MetricReduction)}, got {reduction!r}.")
        self.reduction, self.get_not_nans = MetricReduction(reduction), get_not_nans

    @abstractmethod
    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The measure of each image of a batch.

        Args:
            prediction: of B images ``(B, …)``.
            target: what is true of them ``(B, …)``.

        Returns:
            ``(B, N)``, nan where an image has no value.
        """

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor:
        if y is None:
            raise ArgumentError(f"{type(self).__name__}: expected y, what the predictions are compared with, got none.")
        if min(y_pred.ndim, y.ndim) < 2 or not len(y_pred) or len(y_pred) != len(y):
            raise ArgumentError(
                f"{type(self).__name__}: expected predictions and y of the same images (batch, …), "
                f"got {tuple(y_pred.shape)} and {tuple(y.shape)}."
            )
        return self.values(y_pred, y.to(y_pred.device))  # MONAI moves images and labels, no other items of a batch

    def aggregate(
        self, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """The reduced value of all images since the last reset, over the values that are not nan.

        Args:
            reduction: instead of the metric's own.

        Returns:
            The value, nan if all are; with ``get_not_nans`` also how many values went into it.

        Raises:
            ArgumentError: if there has been no image.
        """
        return self.reduced(self.get_buffer(), reduction)

    def reduced(
        self, values: Any, reduction: MetricReduction | str | None = None
    ) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
        """The reduction of the values of all images, see `reduce_known`.

        Args:
            values: ``(images, N)``; None if there has been no image.
            reduction: instead of the metric's own.

        Returns:
            The value, nan if all are; with ``get_not_nans`` also how many values went into it.

        Raises:
            ArgumentError: if there has been no image.
        """
        if not isinstance(values, torch.Tensor):
            raise ArgumentError(f"{type(self).__name__}: expected at least one image before its aggregate, got none.")
        value, known = reduce_known(values, reduction or self.reduction)
        return (value, known) if self.get_not_nans else value
