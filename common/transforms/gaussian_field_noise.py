"""Labels deformed by Gaussian fields: one draw per case, or a fresh one every time."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import MapTransform, RandomizableTransform
from monai.utils import convert_to_dst_type, convert_to_tensor

from common.errors import InputError, SentenceError
from common.noise.gaussian_field import check_parameters, deform_label, sample_gaussian_field
from common.noise.seed import case_generator
from common.transforms.cases import case_name

__all__ = ["GaussianFieldNoised", "RandGaussianFieldNoised"]


class GaussianFieldNoised(MapTransform):
    """Deform the labels of every case by a Gaussian field of its own, the same one in every epoch.

    L(ω) = l(ω + X(ω)), zero outside the image; see `common.noise.sample_gaussian_field` and
    `common.noise.deform_label`. A volume of one slice is a picture: nothing is moved along an axis of one voxel. X is a
    function of (``seed``, case name) only, so it is the same on every worker and in any order. MONAI may therefore
    cache the result: this is not a random transform to it. For a new draw each time there is `RandGaussianFieldNoised`.

    Source: Nordström et al., *Marginal Thresholding in Noisy Image Segmentation*, eq. 8, 18, section 5, where train
    and test labels are noisy.

    Args:
        keys: labels ``(C, *spatial)``, 2-D or 3-D: masks, class indices or probabilities (no one-hot background: all
            channels are zero outside). All keys and channels of a case are moved by the same field. −1, not labeled,
            stays where it is, and what would be moved from there keeps its label.
        a: standard deviation of the displacement (paper: 0, 0.01, 0.02, 0.03), 0 for none.
        b: correlation length (paper: 0.15/√2).
        millimetres: a and b are in mm, with the voxel size of the labels' metadata, not fractions of the image's sides.
        seed: another seed draws other fields.
        case_key: the item's key that holds the case name.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        ArgumentError: if a or b is out of range.
        InputError: if an item has no case name, its labels differ in shape, or they have no voxel size although a and b
            are in mm.

    Example:
        >>> noisy = GaussianFieldNoised("label", a=0.1, b=0.2)
        >>> item = {"case": "case_1", "label": torch.eye(32)[None]}
        >>> torch.equal(noisy(item)["label"], noisy(item)["label"]), torch.equal(noisy(item)["label"], item["label"])
        (True, False)
    """

    def __init__(
        self,
        keys: KeysCollection,
        a: float,
        b: float = 0.15 / math.sqrt(2),
        millimetres: bool = False,
        seed: int = 0,
        case_key: str = "case",
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        check_parameters(a, b)
        self.a, self.b, self.millimetres, self.seed, self.case_key = a, b, millimetres, seed, case_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        case = case_name(item, self.case_key)
        labels = {key: item[key] for key in self.key_iterator(item)}
        try:
            item.update(_deform(labels, self.a, self.b, self.millimetres, case_generator(self.seed, case)))
        except SentenceError as error:
            raise InputError(f"Case {case}: {error}") from error
        return item


class RandGaussianFieldNoised(RandomizableTransform, MapTransform):
    """Deform the labels by a fresh Gaussian field each time, with probability ``prob``.

    As `GaussianFieldNoised`, but drawn from the transform's random state (``set_random_state``), so the labels differ
    between epochs and MONAI does not cache them.

    Args:
        keys: labels ``(C, *spatial)``, 2-D or 3-D; all keys and channels of an item are moved by the same field.
        a: standard deviation of the displacement.
        b: correlation length.
        millimetres: a and b are in mm, not fractions of the image's sides.
        prob: probability that an item is deformed.
        allow_missing_keys: leave out labels that the item does not have.

    Raises:
        ArgumentError: if a or b is out of range.
        InputError: if prob is out of range, an item's labels differ in shape, or they have no voxel size although a and
            b are in mm.

    Example:
        >>> noisy = RandGaussianFieldNoised("label", a=0.1, b=0.2).set_random_state(seed=0)
        >>> item = {"label": torch.eye(32)[None]}
        >>> torch.equal(noisy(item)["label"], noisy(item)["label"])
        False
    """

    def __init__(
        self,
        keys: KeysCollection,
        a: float,
        b: float = 0.15 / math.sqrt(2),
        millimetres: bool = False,
        prob: float = 1.0,
        allow_missing_keys: bool = False,
    ) -> None:
        MapTransform.__init__(self, keys, allow_missing_keys)
        check_parameters(a, b)
        if not 0 <= prob <= 1:
            raise InputError(f"prob: expected a probability from 0 to 1, got {prob}.")
        RandomizableTransform.__init__(self, prob)
        self.a, self.b, self.millimetres = a, b, millimetres

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        self.randomize(None)
        seed = int(self.R.randint(2**31))
        if self._do_transform:
            labels = {key: item[key] for key in self.key_iterator(item)}
            item.update(_deform(labels, self.a, self.b, self.millimetres, torch.Generator().manual_seed(seed)))
        return item


def _deform(
    labels: Mapping[Hashable, Any], a: float, b: float, millimetres: bool, generator: torch.Generator
) -> dict[Hashable, torch.Tensor]:
    """All labels of one item, moved by one field."""
    if millimetres and not all(isinstance(label, MetaTensor) for label in labels.values()):
        raise InputError("a and b are in mm, but a label has no voxel size; load it with LoadImaged.")
    clean = {key: convert_to_tensor(label, track_meta=get_track_meta()) for key, label in labels.items()}
    shapes = {tuple(label.shape[1:]) for label in clean.values()}
    if len(shapes) > 1:
        raise InputError(f"labels that are deformed together must have one shape, but there are {sorted(shapes)}.")
    if not clean:
        return clean
    label = next(iter(clean.values()))
    spacing = next(iter(labels.values())).pixdim[: label.ndim - 1].tolist() if millimetres else None
    field = sample_gaussian_field(label.shape[1:], a, b, generator, label.device, spacing=spacing)
    for axis, size in enumerate(label.shape[1:]):
        if size == 1:  # else a slice of 1 mm would lose most of a label that is moved by 2 mm
            field[axis] = 0
    noisy = {}
    for key, label in clean.items():
        plain = label.as_subclass(torch.Tensor)
        moved = deform_label(plain[None], field)[0]
        known = (moved >= 0) & (plain >= 0)  # where nobody labeled nothing is moved from or to
        noisy[key] = convert_to_dst_type(moved.where(known, plain), label)[0]
    return noisy
