"""What every metric gives where there is nothing to measure: one convention for each, stated here and tested.

A structure (class, channel) of a case is

- *absent*, where neither label nor prediction has it: nothing can be measured. The value is nan, "not there", which
  means leave out and tables show as an empty cell;
- *missed*, where the label has it and the prediction does not;
- *false*, where the prediction has it and the label does not.

Missed and false structures are failures, and get the worst value, so that finding nothing is never best and finding
too much is never free. A mean of nothing is nan, never 0. MONAI 1.6.1 differs: its Dice leaves false structures out,
its Hausdorff distance missed and false ones, and its mean of nothing is 0, the best distance there is. Of a volume of
one slice it takes every voxel of a structure for surface; here the slice is measured as a picture would be.

`CONVENTIONS` has a row for each metric. A pixel that nobody labeled (−1) takes part in none of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from monai.metrics import do_metric_reduction
from monai.utils import MetricReduction

__all__ = ["CONVENTIONS", "Convention", "StructureCounts", "count_structures", "is_better", "reduce_known"]

NOT_THERE = math.nan
DIAGONAL = "diagonal"  # of the image, in the unit of the distance: no distance within it is larger


@dataclass(frozen=True)
class Convention:
    """What a metric gives for a structure of a case; see the module's docstring.

    Attributes:
        absent, missed, false: the value; ``"diagonal"`` for that of the image.
        higher_is_better: the direction.
        because: of the values.
    """

    absent: float | str
    missed: float | str
    false: float | str
    higher_is_better: bool
    because: str


CONVENTIONS: dict[str, Convention] = {
    "DiceScore": Convention(NOT_THERE, 0.0, 0.0, True, "no pixel is shared"),
    "HausdorffDistance95": Convention(
        NOT_THERE, DIAGONAL, DIAGONAL, False, "there is no surface to be near to; no other distance is larger"
    ),
    "soft_dice": Convention(1.0, 0.0, 0.0, True, "two empty masks agree fully (definition 4 of Nordström et al.)"),
    "pairwise_similarity": Convention(
        1.0, 0.0, 0.0, True, "two annotators who both draw nothing agree fully; nan without a pixel that both labeled"
    ),
    "AnnotatorDice": Convention(1.0, 0.0, 0.0, True, "as pairwise_similarity; nothing predicts a blank annotator"),
    "AnnotatorLogLikelihood": Convention(
        0.0, math.log(1e-7), math.log(1e-7), True, "of a map that is sure everywhere and wrong everywhere, at 1e-7"
    ),
    "ConfusionMatrixError": Convention(
        0.0, 1.0, 1.0, False, "of matrices that are sure and wrong everywhere; nan if no entry is known"
    ),
    "GeneralizedEnergyDistance": Convention(0.0, 2.0, 2.0, False, "twice the distance 1 of an empty and another map"),
    "ExpectedCalibrationError": Convention(
        0.0, 1.0, 1.0, False, "of a map that is sure everywhere and wrong everywhere; nan if no voxel counts"
    ),
    "ThresholdedAdaptiveCalibrationError": Convention(
        NOT_THERE, NOT_THERE, 1.0, False, "a probability of 0 is not above the threshold, so that nothing is measured"
    ),
    "TopLabelCalibrationError": Convention(
        0.0, 1.0, 1.0, False, "of a map that is sure everywhere and wrong everywhere; nan if no voxel counts"
    ),
    "BrierScore": Convention(0.0, 2.0, 2.0, False, "of such a map; nan if no voxel counts"),
    "NegativeLogLikelihood": Convention(0.0, 24 * math.log(2), 24 * math.log(2), False, "of such a map, at 2⁻²⁴"),
    "InstanceMetrics.dice": Convention(NOT_THERE, 0.0, 0.0, True, "pixels of all images are pooled"),
    "InstanceMetrics.precision": Convention(0.0, 0.0, 0.0, True, "who finds nothing is right in nothing"),
    "InstanceMetrics.recall": Convention(NOT_THERE, 0.0, NOT_THERE, True, "there is nothing to be found"),
}


class StructureCounts(NamedTuple):
    """How often a structure was absent, missed and false; see the module's docstring.

    Attributes:
        absent: cases in which neither label nor prediction has it.
        missed: cases in which the label alone has it.
        false: cases in which the prediction alone has it.
    """

    absent: int
    missed: int
    false: int


def count_structures(prediction: torch.Tensor, label: torch.Tensor) -> StructureCounts:
    """Counts over all cases and structures.

    Args:
        prediction: masks, any shape whose first two dimensions are case and structure.
        label: likewise.

    Returns:
        The three numbers.

    Example:
        >>> prediction, label = torch.tensor([[[0, 0], [0, 1], [0, 0]]]), torch.tensor([[[0, 0], [0, 0], [1, 0]]])
        >>> count_structures(prediction, label)
        StructureCounts(absent=1, missed=1, false=1)
    """
    found, true = (masks.bool().flatten(2).any(2) for masks in (prediction, label))
    return StructureCounts(int((~found & ~true).sum()), int((~found & true).sum()), int((found & ~true).sum()))


def reduce_known(
    values: torch.Tensor, reduction: MetricReduction | str = MetricReduction.MEAN
) -> tuple[torch.Tensor, torch.Tensor]:
    """MONAI's reduction of metric values ``(case, structure)`` without those that are nan; a mean of none is nan.

    Args:
        values: ``(B, N)``; they are not changed.
        reduction: see MONAI's metrics.

    Returns:
        The reduced values, and how many went into each.

    Example:
        >>> reduce_known(torch.tensor([[1.0, torch.nan], [torch.nan, torch.nan]]), "mean_batch")[0]
        tensor([1., nan])
    """
    reduction = MetricReduction(reduction)
    value, known = do_metric_reduction(values.clone(), reduction)
    if reduction in (MetricReduction.MEAN, MetricReduction.MEAN_BATCH, MetricReduction.MEAN_CHANNEL):
        value = torch.where(known > 0, value, torch.nan)
    return value, known


def is_better(current: float, best: float) -> bool:
    """Whether a key metric is better than the best so far, for ``metric_cmp_fn`` of MONAI's engines; higher is better.

    Nan, a metric that could not be measured, is better than nothing and worse than every number, so that it is never
    kept as the best (MONAI's own comparison keeps a first nan for ever). Of equally good epochs the later one counts:
    as long as a structure is never found every epoch has a Dice of 0, and the first has learned least.

    Args:
        current: the metric of this epoch.
        best: the best of the epochs before; nan if there is none.

    Returns:
        Whether ``current`` is to be kept.

    Example:
        >>> is_better(0.1, math.nan), is_better(math.nan, 0.1), is_better(0.1, 0.1), is_better(0.1, 0.2)
        (True, False, True, False)
    """
    return not math.isnan(current) and (math.isnan(best) or current >= best)
