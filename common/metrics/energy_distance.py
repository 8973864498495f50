"""How far a set of predicted segmentations is from the set of the annotators' labels."""

from __future__ import annotations

import torch
from monai.utils import MetricReduction

from common.errors import ArgumentError
from common.metrics.agreement import pairwise_similarity
from common.metrics.image_metric import ImageMetric

__all__ = ["GeneralizedEnergyDistance", "generalized_energy_distance"]


def generalized_energy_distance(samples: torch.Tensor, labels: torch.Tensor, distance: str = "dice") -> torch.Tensor:
    """Squared generalized energy distance of two sets of segmentations of one image.

        GED² = 2 E[d(S, Y)] − E[d(S, S′)] − E[d(Y, Y′)],   d = 1 − Dice or 1 − IoU

    with S, S′ drawn from the samples and Y, Y′ from the labels, each pair of an element with itself included. d is the
    mean over the foreground classes that occur in either set; two maps without a class agree on it. Where every map is
    complete, GED² is not negative.

    Source: Kohl et al., *A Probabilistic U-Net for Segmentation of Ambiguous Images*, NeurIPS 2018; table 3 of Zhang
    et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*. Erratum: the code of
    the latter adds Dice scores instead of distances; the values above 2 in its table cannot occur.

    Args:
        samples: predicted class indices ``(N, *spatial)``, 0 is background.
        labels: class indices ``(R, *spatial)``; −1 where an annotator did not label. Who labeled nothing does not
            count.
        distance: ``"dice"`` or ``"iou"``.

    Returns:
        A float64 scalar of at most 2 (on the CPU for Apple's MPS); 0 for identical sets, nan if either is empty.

    Raises:
        ArgumentError: if the distance is unknown or the shapes do not fit each other.

    Example:
        >>> samples, labels = torch.tensor([[1, 1, 0], [1, 0, 0]]), torch.tensor([[1, 1, 0], [-1, -1, -1]])
        >>> generalized_energy_distance(samples, labels)  # 2 · (0 + 1/3)/2 − 2 · 1/3/4
        tensor(0.1667, dtype=torch.float64)
    """
    if labels.ndim < 2 or samples.shape[1:] != labels.shape[1:]:
        raise ArgumentError(
            "samples and labels: expected two sets (count, *spatial) with one spatial shape, "
            f"got {tuple(samples.shape)} and {tuple(labels.shape)}."
        )
    samples, labels = _labeled(samples), _labeled(labels)
    maps = torch.cat((samples, labels))
    distances = 1 - pairwise_similarity(maps, maps, distance)
    of_samples, of_labels = distances.split((len(samples), len(labels)))
    within = of_samples[:, : len(samples)].nanmean() + of_labels[:, len(samples) :].nanmean()
    return 2 * of_samples[:, len(samples) :].nanmean() - within


class GeneralizedEnergyDistance(ImageMetric):
    """`generalized_energy_distance` of every image, as a MONAI metric.

    Args:
        distance: ``"dice"`` or ``"iou"``, one minus which is the distance of two segmentations.
        reduction, get_not_nans: see `ImageMetric`; images without any label are left out.

    Raises:
        ArgumentError: if the distance is unknown.

    Example:
        >>> metric = GeneralizedEnergyDistance()
        >>> labels = torch.eye(3)[None].expand(4, 3, 3)  # 4 images, 3 annotators
        >>> metric(y_pred=labels, y=1 - labels).shape
        torch.Size([4, 1])
        >>> metric.aggregate()
        tensor([0.1111])
    """

    def __init__(
        self,
        distance: str = "dice",
        reduction: MetricReduction | str = MetricReduction.MEAN,
        *,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction, get_not_nans=get_not_nans)
        if distance not in ("dice", "iou"):
            raise ArgumentError(f"distance: expected dice or iou, got {distance!r}.")
        self.distance = distance

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """`generalized_energy_distance` of each image.

        Args:
            prediction: N predicted class maps ``(B, N, *spatial)``.
            target: the annotators' class maps ``(B, R, *spatial)``, −1 where nothing was labeled.

        Returns:
            ``(B, 1)`` in [0, 2].
        """
        images = zip(prediction, target, strict=True)
        return torch.stack([generalized_energy_distance(*sets, self.distance)[None] for sets in images])


def _labeled(labels: torch.Tensor) -> torch.Tensor:
    """The maps with at least one labeled pixel."""
    return labels[(labels >= 0).flatten(1).any(1)]
