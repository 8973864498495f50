from .soft_label import (
    add_neighbour_slices,
    aggregate_raters,
    find_hyperintense,
    raise_hyperintense,
    restrict_to_anatomy,
    soft_label_steps,
    structure_masks,
)
from .staple_global import StapleResult, estimate_confusion, staple
from .staple_spatial import SpatialStapleResult, spatial_staple
from .ties import count_ties, exceeds, most_probable_class
from .voting import majority_vote, mean_label

__all__ = [
    "SpatialStapleResult",
    "StapleResult",
    "add_neighbour_slices",
    "aggregate_raters",
    "count_ties",
    "estimate_confusion",
    "exceeds",
    "find_hyperintense",
    "majority_vote",
    "mean_label",
    "most_probable_class",
    "raise_hyperintense",
    "restrict_to_anatomy",
    "soft_label_steps",
    "spatial_staple",
    "staple",
    "structure_masks",
]
