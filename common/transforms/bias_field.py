"""N4 correction of the slow intensity drift of MRI, by SimpleITK."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type

from common.errors import InputError
from common.io.simple_itk import simple_itk

FEWEST_VOXELS = 16  # of a side after shrinking


def correct_bias_field(image: torch.Tensor, shrink: int = 4, iterations: Sequence[int] = (50, 50, 50, 50)) -> Any:
    r"""The image without its bias field, by N4.

    $$ \hat{u} = v / e^{b} $$

    where the smooth log bias b is estimated on the shrunken image, inside the mask of Otsu's threshold and where values
    are above 0, and evaluated at full size. A side is shrunk only as far as it keeps 16 voxels, so the few slices of a
    stack stay as they are; a volume of one slice is a picture.

    Args:
        image: ``(*spatial)``, 2-D or 3-D.
        shrink: factor by which the image is thinned out along each side for the estimate, at least 1.
        iterations: at most so many at each resolution of the field; the number of resolutions is their length.

    Returns:
        float32 ``(*spatial)`` on the image's device; an image of one value, a row of voxels, or an image without a
        value above 0 is returned as it is.

    Raises:
        InputError: a value that is not finite, another number of dimensions, or SimpleITK is not installed.

    Source: Tustison et al., *N4ITK: improved N3 bias correction*, IEEE TMI 2010; used by Karani et al., section 4.
    """
    if image.ndim not in (2, 3):
        raise InputError(f"expected an image of 2 or 3 axes for N4, got the shape {tuple(image.shape)}.")
    voxels = np.ascontiguousarray(image.detach().cpu().float().numpy())
    if not np.isfinite(voxels).all():
        raise InputError("N4 bias correction needs finite values, got others.")
    extended = voxels.squeeze()  # ITK knows no volume of one slice
    if extended.ndim < 2 or voxels.size == 0 or voxels.min() == voxels.max():
        return image.float()
    sitk = simple_itk("N4 bias correction")
    whole = sitk.GetImageFromArray(extended)
    factors = [min(shrink, max(1, side // FEWEST_VOXELS)) for side in whole.GetSize()]
    inside = sitk.OtsuThreshold(whole, 0, 1, 200) * sitk.Cast(whole > 0, sitk.sitkUInt8)
    shrunken = sitk.Shrink(inside, factors)
    if not sitk.GetArrayViewFromImage(shrunken).any():
        return image.float()
    correction = sitk.N4BiasFieldCorrectionImageFilter()
    correction.SetMaximumNumberOfIterations(list(iterations))
    correction.Execute(sitk.Shrink(whole, factors), shrunken)
    field = sitk.GetArrayFromImage(correction.GetLogBiasFieldAsImage(whole))
    return torch.from_numpy(voxels / np.exp(field).reshape(voxels.shape)).to(image.device)


class N4BiasFieldd(MapTransform):
    """`correct_bias_field` of every channel of the named keys.

    Not a random transform, so MONAI's caching data sets compute it once per image: one to three seconds for a cardiac
    stack of 216 × 256 × 10. It belongs before anything that moves intensities, since it takes their logarithm.

    Args:
        keys: images ``(C, *spatial)``.
        shrink: see `correct_bias_field`; 1 estimates the field at full size, at many times the cost.
        iterations: see `correct_bias_field`.
        allow_missing_keys: leave out images that the item does not have.

    Raises:
        InputError: an argument out of range, or SimpleITK (extra ``itk``) is not installed; when called, as
            `correct_bias_field`.

    Example:
        >>> N4BiasFieldd("image", shrink=0)
        Traceback (most recent call last):
        ...
        common.errors.InputError: shrink and iterations must be at least 1, got 0 and (50, 50, 50, 50).
    """

    def __init__(
        self,
        keys: KeysCollection,
        shrink: int = 4,
        iterations: Sequence[int] = (50, 50, 50, 50),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        if min(shrink, *iterations, math.inf if iterations else 0) < 1:
            raise InputError(f"shrink and iterations must be at least 1, got {shrink} and {tuple(iterations)}.")
        simple_itk("N4BiasFieldd")  # before hours of training, not at its first image
        self.shrink, self.iterations = shrink, tuple(iterations)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            image = torch.as_tensor(item[key])
            plain = image.as_subclass(torch.Tensor)
            corrected = torch.stack([correct_bias_field(channel, self.shrink, self.iterations) for channel in plain])
            item[key] = convert_to_dst_type(corrected, image, dtype=torch.float32)[0]
        return item
