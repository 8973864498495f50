from .load_annotators import LoadAnnotatorsd
from .load_series import LoadSeriesd
from .load_slices import LoadSliced
from .readers import load_images
from .regions import LoadRegionsd, Region, read_regions, regions_to_masks, write_regions

__all__ = [
    "LoadAnnotatorsd",
    "LoadRegionsd",
    "LoadSeriesd",
    "LoadSliced",
    "Region",
    "load_images",
    "read_regions",
    "regions_to_masks",
    "write_regions",
]
