"""The order in which cases were drawn, from a file."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from pathlib import Path

from common.errors import InputError, shown_names
from common.io.files import read_case_column

__all__ = ["check_order", "read_order"]


def read_order(path: Path) -> dict[str, float]:
    """The place of each case.

    Args:
        path: CSV file with the columns ``case`` and ``order``.

    Returns:
        Number by case.

    Raises:
        InputError: it cannot be read, lacks a column, names a case twice, or holds something else than a finite number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "order.csv")
        ...     _ = path.write_text("case,order\\na,20240131\\n")
        ...     read_order(path)
        {'a': 20240131.0}
    """
    places: dict[str, float] = {}
    for case, text in read_case_column(path, "order", "order"):
        if case in places:
            raise InputError(f"order: {path} names {case} twice.")
        try:
            place = float(text)
        except ValueError:
            place = math.nan
        if not math.isfinite(place):
            raise InputError(f"order: {path}: expected a number for {case}, got {text!r}.")
        places[case] = place
    return places


def check_order(order: Mapping[str, float] | None, cases: Collection[str]) -> None:
    """Refuses an order that says nothing of any case: the drift would be missing without a word.

    Args:
        order: of `read_order`; None for the order of the names.
        cases: that are audited.

    Raises:
        InputError: it names none of the cases.

    Example:
        >>> check_order({"a": 1.0}, ["a", "b"])
        >>> check_order({"a.nii.gz": 1.0}, ["a", "b"])
        Traceback (most recent call last):
        common.errors.InputError: order: expected the places of the cases a, b, got those of a.nii.gz.
    """
    if order is not None and not order.keys() & set(cases):
        got = f"those of {shown_names(list(order))}" if order else "an empty table"
        raise InputError(f"order: expected the places of the cases {shown_names(list(cases))}, got {got}.")
