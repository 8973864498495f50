"""Class probabilities written as mask, probabilities and entropy in the geometry of the image they belong to."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import MapTransform
from nibabel.volumeutils import native_code

from common.errors import InputError
from common.io.files import whole_file
from common.io.formats import is_nifti, is_picture
from common.io.gzip_files import open_gzip
from common.io.writers import save_like
from common.planes import by_planes, largest_channel
from common.transforms.region_sizes import size_columns, voxel_volume
from common.transforms.save_prediction import label_map_like

__all__ = ["SaveProbabilitiesd", "relative_entropy", "save_class_probabilities"]


def relative_entropy(probabilities: torch.Tensor) -> torch.Tensor:
    """The entropy of each pixel's classes, relative to the largest possible.

        H = −Σ_c p_c log p_c / log C

    Args:
        probabilities: ``(C, *spatial)`` of at least two classes, summing to 1.

    Returns:
        ``(*spatial)`` in [0, 1]: 0 where one class is certain, 1 where all are equally probable.

    Example:
        >>> relative_entropy(torch.tensor([[1.0, 0.5], [0.0, 0.5]]))
        tensor([0., 1.])
    """
    return torch.special.entr(probabilities).sum(0) / torch.tensor(len(probabilities)).log()


def save_class_probabilities(
    source: str | Path, probabilities: Sequence[np.ndarray], path_without_suffix: str | Path, class_names: Sequence[str]
) -> list[Path]:
    """Writes class probabilities as the kind of file that ``source`` is, in its geometry.

    Of a volume one file, such as ``<path>_probabilities.nii.gz``, with the classes along a fourth axis, background
    first; of a picture one ``<path>_probability_<class>.png`` for each foreground class, in which 1 is written as 255.
    Each file appears whole or not at all.

    Args:
        source: the image that was segmented.
        probabilities: C of ``(*spatial)`` as MONAI loads it (first axis is x), values in [0, 1].
        path_without_suffix: where to write.
        class_names: of the C − 1 foreground classes.

    Returns:
        The paths written.
    """
    if is_picture(source):
        return [
            save_like(source, probability, f"{path_without_suffix}_probability_{name}")
            for name, probability in zip(class_names, probabilities[1:], strict=True)
        ]
    reference = nib.load(source) if is_nifti(source) else None
    if type(reference) is not nib.Nifti1Image:
        return [save_like(source, np.stack(list(probabilities), axis=-1), f"{path_without_suffix}_probabilities")]
    spatial = (*reference.shape, 1, 1)[:3]
    header = reference.header.as_byteswapped(native_code)  # a copy, in the byte order of the arrays
    header.set_data_shape((*spatial, len(probabilities)))
    header.set_data_dtype(probabilities[0].dtype)
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0  # else viewers show probabilities in the window of the image
    header.extensions.clear()
    header["vox_offset"] = 352
    path = Path(f"{path_without_suffix}_probabilities.nii.gz")
    with whole_file(path) as partial, open_gzip(partial) as file:  # nib.save copies whole classes
        header.write_to(file)
        for probability in probabilities:
            for plane in np.moveaxis(probability.reshape(spatial), -1, 0):
                file.write(plane.tobytes(order="F"))
    return [path]


class SaveProbabilitiesd(MapTransform):
    """Writes the mask, the probabilities and the entropy of a case, and sums the case up.

    Files: ``<case>_mask``, the most probable class (of two classes in PNG 0 and 255, else indices of a palette);
    ``<case>_probabilities`` or, in PNG, ``<case>_probability_<class>``, see `save_class_probabilities`;
    ``<case>_entropy``, see `relative_entropy`.

    The mask takes the place of the probabilities; an item without ``case`` gets it and no file. A mask may be that of
    other probabilities than those that are written, such as of a vote, whose shares do not say what is uncertain.

    The row under ``summary`` has: ``case``; for each foreground class ``volume_mm3_<class>`` of the mask and
    ``expected_volume_mm3_<class>``, that of the sum of probabilities, of a picture ``pixels_<class>`` and
    ``expected_pixels_<class>``; ``mean_entropy``, the mean over all pixels of `relative_entropy`, from 0 to 1.

    Args:
        keys: one, of probabilities ``(C, *spatial)``, in the geometry of the file that the item's ``image`` was read
            from; C ≥ 2, background first. A 2-D image may have a third axis of size 1.
        output_dir: folder for the files; a case ``a/b`` goes into its sub-folder ``a``.
        class_names: of the C − 1 foreground classes; None for their numbers.
        save_probabilities, save_entropy: whether to write these files.
        written_key: of the probabilities ``(C, *spatial)`` that are written and summed up, where those of ``keys`` give
            the mask alone; None for the same.

    Raises:
        InputError: there are fewer than two classes, or other than C − 1 names.
    """

    def __init__(
        self,
        keys: str,
        output_dir: str,
        class_names: Sequence[str] | None = None,
        save_probabilities: bool = True,
        save_entropy: bool = True,
        written_key: str | None = None,
    ) -> None:
        super().__init__(keys)
        self.output_dir = Path(output_dir)
        self.class_names = None if class_names is None else [str(name) for name in class_names]
        self.save_probabilities, self.save_entropy, self.written_key = save_probabilities, save_entropy, written_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            probabilities = _plain(item[key])
            names = self._names(len(probabilities))
            mask = largest_channel(probabilities)
            probabilities = probabilities if self.written_key is None else _plain(item[self.written_key])
            item[key] = label_map_like(item, key, mask)
            if "case" not in item:
                continue
            source, target = item["image"].meta["filename_or_obj"], self.output_dir / item["case"]
            save_like(source, mask.numpy(), f"{target}_mask", len(probabilities))
            if self.save_probabilities:
                save_class_probabilities(source, list(probabilities.numpy()), target, names)
            entropy = by_planes(relative_entropy, probabilities, torch.float32)
            if self.save_entropy:
                save_like(source, entropy.numpy(), f"{target}_entropy")
            voxel = voxel_volume(source)
            row: dict[str, Any] = {"case": item["case"]}
            for index, name in enumerate(names, start=1):
                row |= size_columns(int(np.count_nonzero(mask.numpy() == index)), voxel, name)
                expected = float(probabilities[index].numpy().sum(dtype=np.float64))
                row |= size_columns(expected, voxel, name, "expected_{}")
            item["summary"] = row | {"mean_entropy": round(float(entropy.mean()), 6)}
        return item

    def _names(self, num_classes: int) -> list[str]:
        names = self.class_names or [str(index) for index in range(1, num_classes)]
        if num_classes < 2 or len(names) != num_classes - 1:
            raise InputError(
                f"class_names: expected the names of the foreground classes of {num_classes} (two or more, with "
                f"background), got {', '.join(names) or 'none'}."
            )
        return names


def _plain(values: Any) -> torch.Tensor:
    return torch.as_tensor(values).detach().as_subclass(torch.Tensor).cpu().float()
