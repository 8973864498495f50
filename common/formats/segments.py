"""What one annotator drew on one image, whatever the file it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Segments"]


@dataclass(frozen=True)
class Segments:
    """What one annotator drew on one image.

    Attributes:
        case: name of the image, without its ending.
        annotator: name of the annotator.
        masks: class name → bool mask; (X, Y, Z) of volumes in the image's own voxel order.
        problems: sentences on what was left out.
        ignored: bool, what was not labeled; None if everything was.
        rows: of a table beside the labels, such as points, which are no masks.

    Example:
        >>> Segments("case_1", "AR", {"disc": np.ones((2, 2), dtype=bool)}).masks["disc"].sum()
        np.int64(4)
    """

    case: str
    annotator: str
    masks: dict[str, np.ndarray]
    problems: tuple[str, ...] = ()
    ignored: np.ndarray | None = None
    rows: tuple[Mapping[str, Any], ...] = ()
