"""Whether a probability of 0.8 is right four times in five: expected and thresholded adaptive calibration error."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import torch
from monai.utils import MetricReduction
from torch.nn import functional

from common.errors import ArgumentError
from common.fusion.ties import exceeds
from common.metrics.image_metric import ImageMetric

__all__ = [
    "ExpectedCalibrationError",
    "ThresholdedAdaptiveCalibrationError",
    "expected_calibration_error",
    "thresholded_adaptive_calibration_error",
]

REGIONS = ("all", "foreground", "prediction", "union")
TURNS = 8
ROUNDING = 1e-2  # by how much blended or half-precision probabilities may leave [0, 1]


def expected_calibration_error(
    probabilities: torch.Tensor, target: torch.Tensor, bins: int = 15, region: str = "all"
) -> torch.Tensor:
    r"""The expected calibration error (ECE) of each class, in bins of equal width.

    $$ \mathrm{ECE}_k = \sum_{b=1}^{B} \frac{n_b}{N} \lvert \mathrm{acc}_b - \mathrm{conf}_b \rvert
       = \frac{1}{N} \sum_{b=1}^{B} \Big\lvert \sum_{i \in b} (y_{ik} - p_{ik}) \Big\rvert $$

    with the voxels i of bin b, those with p_ik in ((b − 1)/B, b/B] (0 is in the first), N voxels that count, and y_ik
    = 1 if the class of i is k. These are the values of MONAI's ``CalibrationErrorMetric``, which loops over images and
    classes and sums in float32; here it is one pass with float64 sums. (The code of the BWCR paper has another measure,
    `common.metrics.top_label_calibration_error` over the foreground.)

    Args:
        probabilities: ``(B, C, *spatial)``. Values outside [0, 1] by no more than 0.01, from rounding or blending,
            count as 0 and 1.
        target: ``(B, 1, *spatial)`` class indices (of one channel: 0 and 1), or one-hot ``(B, C, *spatial)``;
            negative where a voxel does not count.
        bins: number of bins.
        region: ``"all"`` voxels, or those whose label is ``"foreground"``: any class but the first (of one channel: 1);
            those whose ``"prediction"`` is, the most probable class; or the ``"union"`` of both. Where the label
            chooses the voxels, in ``"foreground"`` and ``"union"``, probabilities that are exactly right have an error
            above 0 (`docs/methods/bwcr.md`).

    Returns:
        ``(B, C)`` float64 in [0, 1] (on the CPU for Apple's MPS); nan where no voxel counts.

    Raises:
        ArgumentError: if the values are no probabilities or no class indices, the shapes do not fit, or an argument is
            out of range.

    Example:
        >>> p = torch.tensor([[[0.9, 0.9, 0.2, 0.2]]])
        >>> expected_calibration_error(p, torch.tensor([[[1, 0, 0, 0]]]))  # (2·|0.5 − 0.9| + 2·|0 − 0.2|) / 4
        tensor([[0.3000]], dtype=torch.float64)
    """
    _check_bins(bins)
    rows = _rows(probabilities, target, region)
    return _stack([equal_width_error(*row, bins) for row in rows], probabilities)


def thresholded_adaptive_calibration_error(
    probabilities: torch.Tensor, target: torch.Tensor, bins: int = 15, threshold: float = 0.01, region: str = "all"
) -> torch.Tensor:
    r"""The thresholded adaptive calibration error (TACE) of each class, in bins of equal count.

    $$ \mathrm{TACE}_k = \frac{1}{R} \sum_{r=1}^{R} \lvert \mathrm{acc}(r, k) - \mathrm{conf}(r, k) \rvert $$

    where the values p_ik above the threshold, sorted, are divided into R bins of equally many values, acc is the share
    of them with label k and conf their mean (Nixon et al., *Measuring calibration in deep learning*, CVPR Workshops
    2019; TACE is the mean over the classes. The code of the BWCR paper divides by R twice). Every bin holds exactly
    n/R of the n values: where an edge falls between two, or within equal values, the bins share them in
    proportion. So the result depends neither on the order of the voxels nor on how ties are sorted.

    Args:
        probabilities: ``(B, C, *spatial)``, as for `expected_calibration_error`. Compared in float32.
        target: ``(B, 1, *spatial)`` or ``(B, C, *spatial)``, likewise.
        bins: R, number of bins.
        threshold: values must be above it, in [0, 1).
        region: as for `expected_calibration_error`.

    Returns:
        ``(B, C)`` float64 in [0, 1] (on the CPU for Apple's MPS); nan for a class without a value above the threshold.

    Raises:
        ArgumentError: as `expected_calibration_error`.

    Example:
        >>> p = torch.tensor([[[0.9, 0.2, 0.9, 0.2, 0.0]]])
        >>> thresholded_adaptive_calibration_error(p, torch.tensor([[[1, 0, 0, 0, 0]]]), bins=2)  # (0.2 + 0.4) / 2
        tensor([[0.3000]], dtype=torch.float64)
    """
    _check_bins(bins)
    _check_threshold(threshold)
    rows = _rows(probabilities, target, region)
    return _stack([_equal_count_error(*row, bins, threshold) for row in rows], probabilities)


class _CalibrationError(ImageMetric):
    """What both metrics share: one value ``(B, C)`` per image and class, with or without the background's."""

    def __init__(
        self,
        bins: int = 15,
        *,
        region: str = "all",
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction, get_not_nans=get_not_nans)
        _check_bins(bins)
        _check_region(region)
        self.bins, self.region, self.include_background = bins, region, include_background

    @abstractmethod
    def error(self, probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The error ``(B, C)`` of each image and class."""

    def values(self, prediction: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        error = self.error(prediction, target)
        return error if self.include_background or error.shape[1] == 1 else error[:, 1:]


class ExpectedCalibrationError(_CalibrationError):
    """Mean over images and classes of `expected_calibration_error`, as a MONAI metric.

    Like MONAI's ``CalibrationErrorMetric``, for labels as class indices too, and over a region: all voxels, the
    foreground, or those whose label is not negative (`common.transforms.BoundaryBandLabeld` makes a band around the
    boundaries).

    Args:
        bins: number of bins.
        region: which voxels count, see `expected_calibration_error`.
        include_background: whether the first of several classes counts.
        reduction: how images and classes are reduced, see MONAI's metrics.
        get_not_nans: whether `aggregate` returns the number of values too.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric = ExpectedCalibrationError()
        >>> _ = metric(torch.tensor([[[0.9, 0.9, 0.2, 0.2]]]), torch.tensor([[[1, 0, 0, 0]]]))
        >>> round(metric.aggregate().item(), 4)
        0.3
    """

    def error(self, probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return expected_calibration_error(probabilities, target, self.bins, self.region)


class ThresholdedAdaptiveCalibrationError(_CalibrationError):
    """Mean over images and classes of `thresholded_adaptive_calibration_error`, as a MONAI metric.

    Args:
        bins: number of bins of equal count (BWCR: 15).
        threshold: values must be above it, in [0, 1) (BWCR: 0.01).
        region, include_background, reduction, get_not_nans: see `ExpectedCalibrationError`.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> metric = ThresholdedAdaptiveCalibrationError(bins=2)
        >>> _ = metric(torch.tensor([[[0.9, 0.2, 0.9, 0.2]]]), torch.tensor([[[1, 0, 0, 0]]]))
        >>> round(metric.aggregate().item(), 4)
        0.3
    """

    def __init__(
        self,
        bins: int = 15,
        threshold: float = 0.01,
        *,
        region: str = "all",
        include_background: bool = True,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(
            bins,
            region=region,
            include_background=include_background,
            reduction=reduction,
            get_not_nans=get_not_nans,
        )
        _check_threshold(threshold)
        self.threshold = threshold

    def error(self, probabilities: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return thresholded_adaptive_calibration_error(probabilities, target, self.bins, self.threshold, self.region)


def _check_bins(bins: int) -> None:
    if bins < 1:
        raise ArgumentError(f"bins: expected at least 1, got {bins}.")


def _check_region(region: str) -> None:
    if region not in REGIONS:
        raise ArgumentError(f"region: expected one of {', '.join(REGIONS)}, got {region!r}.")


def _check_threshold(threshold: float) -> None:
    if not 0 <= threshold < 1:
        raise ArgumentError(f"threshold: expected a number from 0 to below 1, got {threshold}.")


def equal_width_error(values: torch.Tensor, labels: torch.Tensor, bins: int) -> torch.Tensor:
    """The error of values ``(N)`` in [0, 1] against labels that are true or false, in ``bins`` of equal width."""
    gap = labels.double().sub_(values)
    bin_of = _bin_of(values, bins)
    # neighbors mostly share a bin, and would wait for each other's sum: they take turns at several
    turns = torch.arange(0, TURNS * bins, bins, dtype=torch.int32, device=values.device)
    bin_of += turns.repeat(len(values) // TURNS + 1)[: len(values)]
    sums = torch.bincount(bin_of, gap, minlength=TURNS * bins).view(TURNS, bins).sum(0)
    return sums.abs().sum() / len(values)


def _bin_of(values: torch.Tensor, bins: int) -> torch.Tensor:
    """Of ``bins`` of equal width, the one of each value, from 0."""
    # a little less, so that a value on an edge is in the bin below however it was rounded
    return values.mul(bins * (1 - 4 * torch.finfo(torch.float32).eps)).int()


def _equal_count_error(values: torch.Tensor, labels: torch.Tensor, bins: int, threshold: float) -> torch.Tensor:
    # a float32 of [0, 1] has its order as an integer, and one bit to spare for the label: one sort, no indices
    above = values > threshold
    keys = values.view(torch.int32).mul(2).add_(labels).mul_(above)
    count = int(above.sum())
    keys = _sorted(keys)[len(keys) - count :]
    values, labels = (keys >> 1).view(torch.float32), keys & 1
    gap = functional.pad(labels.double().sub_(values).cumsum(0), (1, 0))  # of the first 0, 1, 2, … values
    if count == 0:
        return gap[0] / 0
    edges = torch.linspace(0, count, bins + 1, dtype=torch.float64, device=keys.device)
    ties = values[edges.long().clamp_max(count - 1)]
    first, last = torch.searchsorted(values, ties), torch.searchsorted(values, ties, right=True)
    share = (edges - first) / (last - first)
    return gap[first].lerp(gap[last], share).diff().abs().sum() / count


def _sorted(keys: torch.Tensor) -> torch.Tensor:
    if keys.device.type == "cpu":  # NumPy sorts without indices and with vector instructions, forty times as fast
        keys.numpy().sort()
        return keys
    return keys.sort().values


def _rows(
    probabilities: torch.Tensor, target: torch.Tensor, region: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Probabilities, float32 in [0, 1], and labels, boolean, of the voxels that count, for each image and class."""
    classes = probabilities.shape[1] if probabilities.ndim > 1 else 1
    for image, label in counted_voxels(probabilities, target, region):
        for c, row in enumerate(image):
            yield row, label[c] > 0 if len(label) > 1 else label[0] == (c if classes > 1 else 1)


def counted_voxels(
    probabilities: torch.Tensor, target: torch.Tensor, region: str
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Of each image the N voxels that count: probabilities ``(C, N)``, float32 in [0, 1], and labels as they came.

    Args:
        probabilities, target, region: see `expected_calibration_error`.

    Returns:
        Of each image ``(C, N)`` and ``(1, N)`` class indices or ``(C, N)`` one-hot.

    Raises:
        ArgumentError: as `expected_calibration_error`.
    """
    _check_region(region)
    values, labels = probabilities.as_subclass(torch.Tensor), target.as_subclass(torch.Tensor)
    if values.ndim < 3 or labels.shape not in (values.shape, (len(values), 1, *values.shape[2:])):
        raise ArgumentError(
            "probabilities and target: expected (B, C, *spatial) and (B, 1, *spatial) or the same shape, "
            f"got {tuple(values.shape)} and {tuple(labels.shape)}."
        )
    if values.device.type == "mps":  # has no float64
        values = values.cpu()
    values, labels = values.flatten(2).float(), labels.to(values.device).flatten(2)
    labels = labels.to(torch.uint8) if labels.dtype == torch.bool else labels
    classes, one_hot = values.shape[1], labels.shape[1] > 1
    everywhere = region == "all"
    if values.numel() > 0:
        (low, high), (lowest, highest) = values.aminmax(), labels.aminmax()
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):
            raise ArgumentError(f"probabilities: expected values from 0 to 1, got {low:.4g} to {high:.4g}.")
        if not highest < (2 if one_hot else max(2, classes)):
            expected = "0 and 1" if one_hot else f"class indices below {max(2, classes)}"
            raise ArgumentError(f"target: expected {expected}, or less than 0 for none, got {highest:g}.")
        if labels.is_floating_point() and not torch.equal(labels, labels.round()):
            raise ArgumentError("target: expected whole numbers, got fractions such as those of soft labels.")
        values = values if low >= 0 and high <= 1 else values.clamp(0, 1)
        everywhere = everywhere and bool(lowest >= 0)
    for image, label in zip(values, labels, strict=True):
        if not everywhere:
            counted = (label >= 0).all(0)
            chosen = torch.zeros_like(counted)
            if region in ("foreground", "union"):
                chosen |= (label[1:] if one_hot else label).amax(0) > 0
            if region in ("prediction", "union"):
                chosen |= exceeds(image[0]) if classes == 1 else image[1:].amax(0) > image[0]
            counted &= chosen | (region == "all")
            image, label = image[:, counted], label[:, counted]
        yield image, label


def _stack(errors: list[torch.Tensor], probabilities: torch.Tensor) -> torch.Tensor:
    """The errors of all images and classes as ``(B, C)``."""
    values = torch.stack(errors) if errors else torch.zeros(0, dtype=torch.float64)
    return values.view(probabilities.shape[:2])
