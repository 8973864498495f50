"""A consensus in the values, the format and the grid of the annotators' files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from common.errors import InputError
from common.io.formats import is_picture
from common.io.label_meaning import LabelMeaning
from common.io.writers import write_like

__all__ = ["probability_maps", "write_consensus", "written_values"]


def written_values(meaning: LabelMeaning) -> np.ndarray:
    """The value of each class in the consensus: the first one that the meaning has for it.

    Args:
        meaning: of an annotator's values; of colors classes are written as their indices.

    Returns:
        ``(L,)`` integers.

    Example:
        >>> written_values(LabelMeaning({0: 0, 255: 1})).tolist()
        [0, 255]
    """
    values = {index: value for value, index in reversed(list((meaning.values or {}).items()))}
    return np.array([values.get(index, index) for index in range(meaning.num_classes)])


def probability_maps(probabilities: torch.Tensor) -> np.ndarray:
    """The foreground's map of two classes; of several, all of them in the last axis.

    Args:
        probabilities: ``(L, *spatial)``.

    Returns:
        ``(*spatial)`` or ``(*spatial, L)`` float32.

    Example:
        >>> probability_maps(torch.tensor([[0.25], [0.75]])).tolist()
        [0.75]
    """
    return (probabilities[1] if len(probabilities) == 2 else probabilities.movedim(0, -1)).float().numpy()


def write_consensus(path: Path, array: np.ndarray, source: Path) -> Path:
    """Values as they are, in the smallest type that holds them, or of a picture probabilities of which 1 is 255.

    Args:
        path: to write, with the suffix of the source's format.
        array: label values, or floats.
        source: an annotator's file, in whose format and grid the consensus is.

    Returns:
        The path.

    Raises:
        InputError: as `common.io.writers.write_like`; a negative value, not labeled, of a picture.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     source, target = Path(folder, "AR.png"), Path(folder, "consensus.png")
        ...     Image.new("L", (4, 3)).save(source)
        ...     Image.open(write_consensus(target, np.full((4, 3), 255), source)).getpixel((0, 0))
        255
    """
    if array.dtype.kind == "f":
        return write_like(source, array, path)
    if is_picture(source) and array.min(initial=0) < 0:
        raise InputError(
            f"{path}: expected numbers from 0 up, as a PNG holds them, got {array.min()} where nobody has labeled; "
            "give --ignore_value, the number that says so in the label files."
        )
    if is_picture(source):
        return write_like(source, array / 255 if array.max(initial=0) < 256 else array.astype(np.int32), path)
    smallest = np.result_type(*(np.min_scalar_type(value) for value in (array.min(), array.max(initial=1))))
    return write_like(source, array.astype(smallest), path)
