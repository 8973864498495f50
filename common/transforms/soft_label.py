"""Soft labels of an item from its raters' masks, its anatomy and its image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor, get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_tensor

from common.errors import InputError, SentenceError
from common.fusion.soft_label import soft_label_steps, structure_masks

__all__ = ["SoftLabelFromRatersd"]


class SoftLabelFromRatersd(MapTransform):
    """Adds to an item the soft label that its raters' masks, the anatomy and the image give.

    The four steps of `common.fusion.soft_label.soft_label_steps`, each of which can be switched off: share of the
    raters who rated the scan; nothing outside the anatomy; 1 where the structure is hyper-intense; evidence of the
    neighboring slices. It is of the whole volume: put it before cropping and augmentation. It is not random, so MONAI
    may cache its result.

    Args:
        keys: raters' masks (R, K, *spatial), of `common.io.LoadRegionsd`, or (R, *spatial), one mask per rater for
            all structures, of `common.io.LoadCased`; 1 marked, 0 not, −1 not rated.
        output_keys: where the labels go, one for each of ``keys``: (K, *spatial) float32 in [0, 1], −1 where nobody
            rated.
        image_key: of the image (1, *spatial).
        anatomy_key: of the label map of the anatomy (1, *spatial); None takes the whole image as anatomy.
        anatomy_labels: values of the K structures in that map.
        restrict: remove what lies outside the anatomy.
        hyperintensity: threshold in robust standard deviations above the structure's median; None or 0 leaves it out.
        marked_only: raise only what at least one rater marked.
        neighbour_slices: weight of the previous and of the next slice in [0, 1]; None or 0 leaves them out.
        slice_axis: spatial axis of the slices.
        foreground: one channel, the largest of the K structures, in place of K; −1 where one of them is.
        keep_steps: also add ``<output key>_<step>`` for each step, ``raters``, ``anatomy``, ``hyperintensity`` and
            ``neighbours``.
        allow_missing_keys: leave items without masks as they are.

    Raises:
        InputError: an argument out of range; by case, shapes that do not fit or a scan that nobody rated.

    Example:
        >>> soften = SoftLabelFromRatersd("raters", "label", anatomy_labels=[1], neighbour_slices=None)
        >>> masks = torch.tensor([[[1, 1, 0, 0]], [[0, 1, 0, 0]]])
        >>> image, bones = torch.tensor([[[1.0, 9.0, 1.0, 1.0]]]), torch.tensor([[[0, 1, 1, 1]]])
        >>> soften({"raters": masks, "image": image, "bones": bones})["label"].tolist()
        [[[0.0, 1.0, 0.0, 0.0]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection = "label",
        image_key: str = "image",
        anatomy_key: str | None = "bones",
        anatomy_labels: Sequence[int] = (1, 2),
        restrict: bool = True,
        hyperintensity: float | None = 2.5,
        marked_only: bool = False,
        neighbour_slices: float | None = 0.3,
        slice_axis: int = 2,
        foreground: bool = False,
        keep_steps: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = (output_keys,) if isinstance(output_keys, str) else tuple(output_keys)  # type: ignore[arg-type]
        if len(self.output_keys) != len(self.keys):
            raise InputError(
                f"output_keys: expected as many as keys, {len(self.keys)}, got {', '.join(map(str, self.output_keys))}."
            )
        if not anatomy_labels:
            raise InputError("anatomy_labels: expected the value of at least one structure, got none.")
        if hyperintensity is not None and hyperintensity < 0:
            raise InputError(f"hyperintensity: expected a threshold above 0, or 0 for none, got {hyperintensity}.")
        if neighbour_slices is not None and not 0 <= neighbour_slices <= 1:
            raise InputError(f"neighbour_slices: expected a weight in [0, 1], got {neighbour_slices}.")
        if slice_axis not in (0, 1, 2):
            raise InputError(f"slice_axis: expected 0, 1 or 2, got {slice_axis}.")
        self.image_key, self.anatomy_key, self.anatomy_labels = image_key, anatomy_key, tuple(anatomy_labels)
        self.slice_axis, self.foreground, self.keep_steps = slice_axis, foreground, keep_steps
        self.options: dict[str, Any] = {
            "restrict": restrict,
            "hyperintensity": hyperintensity,
            "marked_only": marked_only,
            "neighbour_slices": neighbour_slices,
        }

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key, output_key in self.key_iterator(item, self.output_keys):
            try:
                steps = self._steps(item[key], item[self.image_key], item.get(self.anatomy_key))
            except SentenceError as error:
                raise InputError(f"Case {item.get('case', 'without a name')}, {key}: {error}") from error
            reference = convert_to_tensor(item[self.image_key], track_meta=get_track_meta())
            for name, label in steps.items():
                steps[name] = MetaTensor(label, meta=reference.meta) if isinstance(reference, MetaTensor) else label
            if self.keep_steps:
                item.update({f"{output_key}_{name}": label for name, label in steps.items()})
            item[output_key] = list(steps.values())[-1]
        return item

    def _steps(self, masks: Any, image: Any, anatomy: Any) -> dict[str, torch.Tensor]:
        masks, image = (convert_to_tensor(value, track_meta=False) for value in (masks, image))
        if self.anatomy_key is None:
            structures = torch.ones_like(image, dtype=torch.bool)
        elif anatomy is None or anatomy.shape != image.shape or len(image) != 1:
            raise InputError(
                f"expected {self.image_key} and {self.anatomy_key} of one channel and the same shape, "
                f"got {tuple(image.shape)} and {anatomy if anatomy is None else tuple(anatomy.shape)}."
            )
        else:
            structures = structure_masks(convert_to_tensor(anatomy, track_meta=False)[0], self.anatomy_labels)
        spatial_dims = image.ndim - 1
        if self.options["neighbour_slices"] and self.slice_axis >= spatial_dims:
            raise InputError(f"slice_axis: {self.slice_axis} is no axis of an image of {spatial_dims} dimensions.")
        if masks.ndim == image.ndim:
            masks = masks[:, None].expand(-1, len(structures), *masks.shape[1:])
        steps = soft_label_steps(masks, image[0], structures, slice_axis=self.slice_axis - spatial_dims, **self.options)
        return {name: _largest(label) if self.foreground else label for name, label in steps.items()}


def _largest(label: torch.Tensor) -> torch.Tensor:
    """The largest of the structures (K, *spatial) as one channel; −1 where one of them was not rated."""
    return label.amax(0, keepdim=True).masked_fill((label < 0).any(0, keepdim=True), -1.0)
