"""Label fusion: one consensus from several annotators' labels."""

from common.fusion.spatial_staple import SpatialStapleResult, spatial_staple
from common.fusion.staple import StapleResult, estimate_confusion, staple
from common.fusion.voting import majority_vote, mean_label

__all__ = [
    "SpatialStapleResult",
    "StapleResult",
    "estimate_confusion",
    "majority_vote",
    "mean_label",
    "spatial_staple",
    "staple",
]
