"""Label fusion: one consensus from several annotators' labels."""

from common.fusion.soft_label import (
    add_neighbour_slices,
    aggregate_raters,
    find_hyperintense,
    raise_hyperintense,
    restrict_to_anatomy,
    soft_label_steps,
    structure_masks,
)
from common.fusion.spatial_staple import SpatialStapleResult, spatial_staple
from common.fusion.staple import StapleResult, estimate_confusion, staple
from common.fusion.voting import majority_vote, mean_label

__all__ = [
    "SpatialStapleResult",
    "StapleResult",
    "add_neighbour_slices",
    "aggregate_raters",
    "estimate_confusion",
    "find_hyperintense",
    "majority_vote",
    "mean_label",
    "raise_hyperintense",
    "restrict_to_anatomy",
    "soft_label_steps",
    "spatial_staple",
    "staple",
    "structure_masks",
]
