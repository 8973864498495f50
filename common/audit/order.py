"""The order in which cases were drawn, from a file."""

from __future__ import annotations

import math
from pathlib import Path

from common.errors import InputError
from common.io.files import read_csv

__all__ = ["read_order"]


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
    if not path.is_file():
        raise InputError(f"order: {path} does not exist: expected a CSV file with the columns case and order.")
    places: dict[str, float] = {}
    for row in read_csv(path):
        if not {"case", "order"} <= row.keys():
            raise InputError(f"order: {path}: expected the columns case and order, got {', '.join(row)}.")
        if row["case"] in places:
            raise InputError(f"order: {path} names {row['case']} twice.")
        try:
            place = float(row["order"])
        except (TypeError, ValueError):
            place = math.nan
        if not math.isfinite(place):
            raise InputError(f"order: {path}: expected a number for {row['case']}, got {row['order']!r}.")
        places[row["case"]] = place
    return places
