from .pattern_consensus import PatternConsensus, fuse_patterns
from .patterns import distinct_patterns, is_disputed, is_overruled
from .soft_label import (
    add_neighbour_slices,
    aggregate_raters,
    find_hyperintense,
    raise_hyperintense,
    restrict_to_anatomy,
    soft_label_steps,
    structure_masks,
)
from .staple_global import StapleResult, estimate_confusion, staple, staple_of_patterns
from .staple_spatial import SpatialStapleResult, spatial_staple
from .ties import count_ties, exceeds, most_probable_class
from .voting import majority_vote, mean_label

__all__ = [
    "PatternConsensus",
    "SpatialStapleResult",
    "StapleResult",
    "add_neighbour_slices",
    "aggregate_raters",
    "count_ties",
    "distinct_patterns",
    "estimate_confusion",
    "exceeds",
    "find_hyperintense",
    "fuse_patterns",
    "is_disputed",
    "is_overruled",
    "majority_vote",
    "mean_label",
    "most_probable_class",
    "raise_hyperintense",
    "restrict_to_anatomy",
    "soft_label_steps",
    "spatial_staple",
    "staple",
    "staple_of_patterns",
    "structure_masks",
]
