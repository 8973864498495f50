"""Images of another size by the mean over areas, and back without steps."""

from __future__ import annotations

from collections.abc import Sequence

from monai.config import KeysCollection
from monai.transforms import Resized
from monai.utils import InterpolateMode

__all__ = ["ResizeImaged"]


class ResizeImaged(Resized):
    """MONAI's `Resized` with ``mode="area"``, whose inverse is linear.

    The mean over the area of each new pixel needs no smoothing before it, and no memory beside input and output. Its
    inverse would repeat pixels; what a network says of the resized image goes back by linear interpolation.

    Args:
        keys: of images ``(C, *spatial)``.
        spatial_size: new size; −1 along an axis that stays as it is.
        allow_missing_keys: leave out keys that the item does not have.
    """

    def __init__(self, keys: KeysCollection, spatial_size: Sequence[int], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, spatial_size, mode="area", allow_missing_keys=allow_missing_keys)

    def __call__(self, data, lazy=None):  # type: ignore[no-untyped-def]
        item = super().__call__(data, lazy)
        for key in self.key_iterator(item):
            applied = getattr(item[key], "applied_operations", None)
            if applied:
                linear = InterpolateMode.BILINEAR if item[key].ndim == 3 else InterpolateMode.TRILINEAR
                applied[-1]["extra_info"]["mode"] = linear
        return item
