"""How good probabilities are as a whole: calibration of the most probable class, Brier score and log-likelihood.

One value for each image, over all voxels or a region of them (`common.metrics.expected_calibration_error` has one for
each class). Errors of calibration have an expectation of 0 for probabilities that are exactly right only if the region
does not depend on the label; Brier score and log-likelihood are then lowest on average for these, but not 0.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import torch
from monai.utils import MetricReduction

from common.errors import ArgumentError
from common.metrics.calibration import REGIONS, counted_voxels, equal_width_error
from common.metrics.image_metric import ImageMetric

__all__ = [
    "BrierScore",
    "NegativeLogLikelihood",
    "TopLabelCalibrationError",
    "brier_score",
    "negative_log_likelihood",
    "top_label_calibration_error",
]

SMALLEST = 2.0**-24  # half the last bit of a float32 near 1: a smaller probability of the true class counts as this


def top_label_calibration_error(
    probabilities: torch.Tensor, target: torch.Tensor, bins: int = 15, region: str = "all"
) -> torch.Tensor:
    r"""The expected calibration error of the most probable class; over the foreground that of the BWCR paper.

    $$ \mathrm{ECE}_{\mathrm{top}} = \frac{1}{N} \sum_{b=1}^{B} \Big\lvert \sum_{i \in b}
       \big(\mathbb{1}[\hat{y}_i = y_i] - \max_k p_{ik}\big) \Big\rvert, \qquad
       \hat{y}_i = \operatorname{argmax}_k p_{ik} $$

    with the voxels i of bin b, those whose confidence max_k p_ik is in ((b − 1)/B, b/B], and N voxels that count. Of
    equally probable classes the first is the prediction.

    Args:
        probabilities: ``(B, C, *spatial)``; of one channel, of the foreground.
        target: ``(B, 1, *spatial)`` class indices (of one channel: 0 and 1), or one-hot ``(B, C, *spatial)``;
            negative where a voxel does not count.
        bins: number of bins.
        region: which voxels count, see `common.metrics.expected_calibration_error`; the paper's is ``"foreground"``.

    Returns:
        ``(B, 1)`` float64 in [0, 1]; nan where no voxel counts.

    Raises:
        ArgumentError: as `common.metrics.expected_calibration_error`.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, eq. 3; Karani et al., section 4, code.

    Example:
        >>> p = torch.tensor([[[0.9, 0.9, 0.2, 0.2]]])  # confidence 0.9, 0.9, 0.8, 0.8; right in 1 of 2 and in 2 of 2
        >>> top_label_calibration_error(p, torch.tensor([[[1, 0, 0, 0]]]))
        tensor([[0.3000]], dtype=torch.float64)
    """
    if bins < 1:
        raise ArgumentError(f"bins: expected at least 1, got {bins}.")

    def error(values: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        confidence, predicted = values.max(0)
        return equal_width_error(confidence, predicted == label, bins)

    return _of_each_image(error, probabilities, target, region)


def brier_score(probabilities: torch.Tensor, target: torch.Tensor, region: str = "all") -> torch.Tensor:
    r"""The mean squared distance of the probabilities from the label.

    $$ \mathrm{BS} = \frac{1}{N} \sum_i \sum_{k=1}^{C} (p_{ik} - y_{ik})^2 $$

    Args:
        probabilities, target, region: see `top_label_calibration_error`; one channel counts as the two classes it
            stands for.

    Returns:
        ``(B, 1)`` float64 in [0, 2]; nan where no voxel counts.

    Raises:
        ArgumentError: as `common.metrics.expected_calibration_error`.

    Source: Brier, *Verification of forecasts expressed in terms of probability*, 1950.

    Example:
        >>> brier_score(torch.tensor([[[0.9, 0.5]]]), torch.tensor([[[1, 0]]]))  # (0.02 + 0.50) / 2
        tensor([[0.2600]], dtype=torch.float64)
    """

    def score(values: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        values = values.double()
        true = values.gather(0, label[None])[0]
        return (values.square().sum(0) + 1 - 2 * true).mean()

    return _of_each_image(score, probabilities, target, region)


def negative_log_likelihood(probabilities: torch.Tensor, target: torch.Tensor, region: str = "all") -> torch.Tensor:
    r"""The mean negative logarithm of the true class's probability, in nats.

    $$ \mathrm{NLL} = -\frac{1}{N} \sum_i \log p_{i y_i} $$

    Args:
        probabilities, target, region: see `top_label_calibration_error`. A probability below 2⁻²⁴, which float32 rounds
            off beside 1, counts as that, so that one voxel costs at most 16.6.

    Returns:
        ``(B, 1)`` float64, from 0 up; nan where no voxel counts.

    Raises:
        ArgumentError: as `common.metrics.expected_calibration_error`.

    Example:
        >>> negative_log_likelihood(torch.tensor([[[0.8, 0.5]]]), torch.tensor([[[1, 0]]]))  # (0.223 + 0.693) / 2
        tensor([[0.4581]], dtype=torch.float64)
    """

    def score(values: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return -values.gather(0, label[None]).double().clamp_min(SMALLEST).log().mean()

    return _of_each_image(score, probabilities, target, region)


class _ProbabilityScore(ImageMetric):
    """What the metrics share: one value of each image over a region."""

    def __init__(
        self,
        region: str = "all",
        *,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction, get_not_nans=get_not_nans)
        if region not in REGIONS:
            raise ArgumentError(f"region: expected one of {', '.join(REGIONS)}, got {region!r}.")
        self.region = region

    @abstractmethod
    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor: ...


class TopLabelCalibrationError(_ProbabilityScore):
    """Mean over images of `top_label_calibration_error`, as a MONAI metric.

    Args:
        region: which voxels count; ``"foreground"`` for the measure of the BWCR paper.
        bins: number of bins.
        reduction, get_not_nans: see MONAI's metrics.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric = TopLabelCalibrationError()
        >>> _ = metric(torch.tensor([[[0.9, 0.9, 0.2, 0.2]]]), torch.tensor([[[1, 0, 0, 0]]]))
        >>> round(metric.aggregate().item(), 4)
        0.3
    """

    def __init__(
        self,
        region: str = "all",
        bins: int = 15,
        *,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(region, reduction=reduction, get_not_nans=get_not_nans)
        if bins < 1:
            raise ArgumentError(f"bins: expected at least 1, got {bins}.")
        self.bins = bins

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return top_label_calibration_error(prediction, target, self.bins, self.region)


class BrierScore(_ProbabilityScore):
    """Mean over images of `brier_score`, as a MONAI metric.

    Args:
        region: which voxels count.
        reduction, get_not_nans: see MONAI's metrics.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric = BrierScore()
        >>> _ = metric(torch.tensor([[[0.9, 0.5]]]), torch.tensor([[[1, 0]]]))
        >>> round(metric.aggregate().item(), 4)
        0.26
    """

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return brier_score(prediction, target, self.region)


class NegativeLogLikelihood(_ProbabilityScore):
    """Mean over images of `negative_log_likelihood`, as a MONAI metric.

    Args:
        region: which voxels count.
        reduction, get_not_nans: see MONAI's metrics.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric = NegativeLogLikelihood()
        >>> _ = metric(torch.tensor([[[0.8, 0.5]]]), torch.tensor([[[1, 0]]]))
        >>> round(metric.aggregate().item(), 4)
        0.4581
    """

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return negative_log_likelihood(prediction, target, self.region)


def _of_each_image(
    score: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    probabilities: torch.Tensor,
    target: torch.Tensor,
    region: str,
) -> torch.Tensor:
    """``(B, 1)`` of a function of probabilities ``(C, N)``, C ≥ 2, and classes ``(N)`` of the voxels that count."""
    found = []
    for values, label in counted_voxels(probabilities, target, region):
        classes = label.argmax(0) if len(label) > 1 else label[0].long()
        values = torch.cat((1 - values, values)) if len(values) == 1 else values
        found.append(score(values, classes))
    return torch.stack(found)[:, None].double() if found else torch.zeros(0, 1, dtype=torch.float64)
