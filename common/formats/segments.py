"""What one annotator drew on one image, whatever the file it came in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from common.errors import InputError
from common.formats.class_colors import NOT_LABELED

__all__ = ["MARK", "Segments", "is_class", "without_background", "without_marks", "without_unlabeled"]

MARK = "audit: "  # begins the names of segments that an audit adds to a label; they are no classes


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
        probabilities: class name → float32, in the place of masks: sums over the classes are 1 at most, and the rest is
            the background's.
        fractional: of a file of fractions what they are, ``PROBABILITY`` or ``OCCUPANCY`` (the share of a voxel that a
            class covers); else empty.

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
    probabilities: dict[str, np.ndarray] = field(default_factory=dict)
    fractional: str = ""


def is_class(name: str) -> bool:
    """Whether a segment is of a class: not the background, what is not labeled, or a mark of an audit.

    Args:
        name: of the segment.

    Example:
        >>> is_class("disc"), is_class("Background")
        (True, False)
    """
    return name.casefold() not in ("background", NOT_LABELED) and not name.startswith(MARK)


def without_marks(drawn: Segments) -> Segments:
    """What the annotator drew, without what an audit has marked in the file.

    Args:
        drawn: of a file.

    Returns:
        The same without segments whose names begin with `MARK`.

    Example:
        >>> masks = {"disc": np.ones((2, 2), dtype=bool), "audit: missing": np.ones((2, 2), dtype=bool)}
        >>> list(without_marks(Segments("case_1", "AR", masks)).masks)
        ['disc']
    """
    return replace(drawn, masks={name: mask for name, mask in drawn.masks.items() if not name.startswith(MARK)})


def without_background(drawn: Segments) -> Segments:
    """What the annotator drew, without a segment of that name for the background: it is what no class covers.

    Args:
        drawn: of a file.

    Returns:
        The same without segments named background, in capitals or not.

    Raises:
        InputError: it is the only class of which there are probabilities.

    Example:
        >>> masks = {"disc": np.eye(2, dtype=bool), "Background": ~np.eye(2, dtype=bool)}
        >>> list(without_background(Segments("case_1", "AR", masks)).masks)
        ['disc']
    """
    masks, probabilities = (
        {name: values for name, values in of.items() if name.casefold() != "background"}
        for of in (drawn.masks, drawn.probabilities)
    )
    if drawn.probabilities and not probabilities:
        raise InputError(f"{drawn.case}: expected probabilities of classes, got those of the background alone.")
    return replace(drawn, masks=masks, probabilities=probabilities)


def without_unlabeled(drawn: Segments) -> Segments:
    """What the annotator drew, without a segment called `NOT_LABELED`, in capitals or not: it is what is ignored.

    Args:
        drawn: of a file.

    Returns:
        The same; ``ignored`` is also where that segment is.

    Example:
        >>> masks = {"disc": np.eye(2, dtype=bool), "not labeled": ~np.eye(2, dtype=bool)}
        >>> found = without_unlabeled(Segments("case_1", "AR", masks))
        >>> list(found.masks), int(found.ignored.sum())
        (['disc'], 2)
    """
    masks, ignored = {}, drawn.ignored
    for name, mask in drawn.masks.items():
        if name.casefold() == NOT_LABELED:
            ignored = mask if ignored is None else ignored | mask
        else:
            masks[name] = mask
    return replace(drawn, masks=masks, ignored=ignored)
