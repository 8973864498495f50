"""A table of annotators' rectangles (CSV): each rectangle is a region of one slice of a volume."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from common.errors import InputError
from common.formats.grid import image_grid
from common.formats.segments import Segments
from common.io.regions import COLUMNS, read_regions, regions_to_masks

__all__ = ["read", "recognize"]


def recognize(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a CSV table with the columns of `common.io.read_regions`.

    Args:
        path: of the file.

    Returns:
        True or False.

    Example:
        >>> recognize("instances.json")
        False
    """
    if Path(path).suffix.lower() != ".csv":
        return False
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header = next(csv.reader(file), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return set(COLUMNS) <= {name.strip() for name in header}


def read(
    path: str | os.PathLike[str], images: Mapping[str, str | os.PathLike[str]], annotator: str = "reader"
) -> Iterator[Segments]:
    """What each annotator marked in each case, every structure of the table as a mask.

    An annotator who rated a case and marked nothing has empty masks; one who has no row of a case did not rate it.

    Args:
        path: of the table.
        images: case → its volume, a file or the folder of a DICOM series.
        annotator: is not used, since every row names its own.

    Yields:
        The segments of one case and one annotator, cases and annotators sorted.

    Raises:
        InputError: the table cannot be read, by file and line.
    """
    regions = read_regions(path)
    structures = sorted({region.structure for region in regions if region.structure})
    for case in sorted({region.case for region in regions}):
        own = [region for region in regions if region.case == case]
        readers = sorted({region.reader for region in own})
        if case not in images:
            problem = f"{own[0].source}: there is no image of the case {case}."
            yield Segments(case, readers[0], {}, (problem,))
            continue
        try:
            masks, readers = regions_to_masks(own, image_grid(images[case]).shape, structures)
        except InputError as error:
            yield Segments(case, readers[0], {}, (str(error),))
            continue
        for reader, drawn in zip(readers, masks.numpy().astype(bool), strict=True):
            yield Segments(case, reader, dict(zip(structures, drawn, strict=True)))
