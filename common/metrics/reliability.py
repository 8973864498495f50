"""What a reliability diagram shows: how often the probabilities of each bin come true."""

from __future__ import annotations

from typing import NamedTuple

import torch

from common.metrics.calibration import _bin_of, _check_bins, _rows

__all__ = ["ReliabilityBins", "reliability_bins"]


class ReliabilityBins(NamedTuple):
    """What `reliability_bins` found, each ``(C, bins)`` float64.

    Attributes:
        voxels: that are in the bin.
        confidence: their mean probability; nan of an empty bin.
        accuracy: the share of them with that class; nan of an empty bin.
    """

    voxels: torch.Tensor
    confidence: torch.Tensor
    accuracy: torch.Tensor


def reliability_bins(
    probabilities: torch.Tensor, target: torch.Tensor, bins: int = 15, region: str = "all"
) -> ReliabilityBins:
    r"""Count, confidence and accuracy of each class in bins of equal width, over all voxels of all images.

    $$ \mathrm{conf}_b = \frac{1}{n_b} \sum_{i \in b} p_{ik}, \qquad
       \mathrm{acc}_b = \frac{1}{n_b} \sum_{i \in b} y_{ik} $$

    The bins are those of `expected_calibration_error`, which for a single image is
    :math:`\sum_b n_b |\mathrm{acc}_b - \mathrm{conf}_b| / \sum_b n_b`.

    Args:
        probabilities: ``(B, C, *spatial)``, as for `expected_calibration_error`.
        target: ``(B, 1, *spatial)`` or ``(B, C, *spatial)``, likewise.
        bins: number of bins.
        region: ``"all"`` voxels, or those whose label is ``"foreground"``.

    Returns:
        Number of voxels, mean confidence in [0, 1] and accuracy in [0, 1], each ``(C, bins)``.

    Raises:
        ArgumentError: as `expected_calibration_error`.

    Source: Guo et al., *On calibration of modern neural networks*, ICML 2017, section 2.

    Example:
        >>> found = reliability_bins(torch.tensor([[[0.9, 0.9, 0.2, 0.2]]]), torch.tensor([[[1, 0, 0, 0]]]), bins=2)
        >>> found.voxels.tolist(), found.accuracy.tolist()
        ([[2.0, 2.0]], [[0.0, 0.5]])
    """
    _check_bins(bins)
    rows = list(_rows(probabilities, target, region))
    classes = probabilities.shape[1]
    device = rows[0][0].device if rows else torch.device("cpu")
    count, total, correct = torch.zeros(3, classes, bins, dtype=torch.float64, device=device)
    for index, (values, labels) in enumerate(rows):
        bin_of = _bin_of(values, bins)
        count[index % classes] += torch.bincount(bin_of, minlength=bins)
        total[index % classes] += torch.bincount(bin_of, values.double(), minlength=bins)
        correct[index % classes] += torch.bincount(bin_of, labels.double(), minlength=bins)
    return ReliabilityBins(count, total / count, correct / count)
