"""The name of a case, for items that have none of their own."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

from monai.data import MetaTensor

from common.errors import InputError

__all__ = ["case_name"]


def case_name(item: Mapping[Hashable, Any], key: str = "case") -> str:
    """The name that an item has, else that of the file of its image, or of the first of its tensors that has one.

    Programs that train a bundle, such as MONAI Label, hand over ``{"image": path, "label": path}`` and no names.

    Args:
        item: with tensors that `common.io.LoadCased` has read.
        key: of the name.

    Returns:
        The name; of a file without its folder and its endings.

    Raises:
        InputError: there is neither a name nor a file.

    Example:
        >>> import torch
        >>> image = MetaTensor(torch.zeros(1), meta={"filename_or_obj": "/data/b.nii.gz"})
        >>> case_name({"case": "a", "image": image}), case_name({"image": image})
        ('a', 'b')
    """
    if key in item:
        return str(item[key])
    tensors = [value for value in (item.get("image"), *item.values()) if isinstance(value, MetaTensor)]
    files = [tensor.meta["filename_or_obj"] for tensor in tensors if tensor.meta.get("filename_or_obj")]
    if not files:
        raise InputError(
            f"An item needs its case name as {key!r} or a tensor that was read from a file, but has only "
            f"{', '.join(map(str, item))}."
        )
    return Path(str(files[0])).name.split(".")[0]
