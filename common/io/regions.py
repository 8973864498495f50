"""Readers' rectangular regions: from a CSV file to one mask per reader and structure."""

from __future__ import annotations

import csv
import os
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.transforms import MapTransform

from common.errors import InputError, shown_names
from common.io.files import write_csv

__all__ = ["COLUMNS", "LoadRegionsd", "Region", "read_regions", "regions_to_masks", "write_regions"]

COLUMNS = ("case", "reader", "slice", "structure", "row0", "column0", "row1", "column1")
NUMBERS = ("slice", "row0", "column0", "row1", "column1")


@dataclass(frozen=True)
class Region:
    """One row of a file of regions: the voxels ``[row0, row1) × [column0, column1)`` of one slice.

    Indices count from 0 along the axes of the image's file: rows along its first axis, columns along its second,
    slices along its third. A region without ``structure`` says that the reader rated the case and marked nothing.

    Attributes:
        case: name of the image's case.
        reader: name of the annotator who drew it.
        slice: index of the slice, from 0.
        structure: name of what was marked; empty if nothing was.
        row0, row1: first row, and the row after the last one.
        column0, column1: first column, and the column after the last one.
        source: file and line, for messages.

    Example:
        >>> Region("k1", "AR", 3, "femur", row0=10, column0=20, row1=18, column1=28).row1
        18
    """

    case: str
    reader: str
    slice: int = 0
    structure: str = ""
    row0: int = 0
    column0: int = 0
    row1: int = 0
    column1: int = 0
    source: str = "a region"


def read_regions(
    path: str | os.PathLike[str], structures: Collection[str] | None = None, cases: Collection[str] | None = None
) -> list[Region]:
    """The regions of a CSV file with the columns ``case, reader, slice, structure, row0, column0, row1, column1``.

    A reader who rated a case and marked nothing has a row with nothing but ``case`` and ``reader``. Further columns
    and blank lines are ignored.

    Args:
        path: of the CSV file, UTF-8.
        structures: names that may occur; None allows all.
        cases: names that may occur; None allows all.

    Returns:
        The rows in the file's order; none for a file with nothing but the header.

    Raises:
        InputError: no such file, a column is missing; by file and line: a field that is empty or not a whole number, an
            empty or negative region, a structure or case that is not known.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "r.csv")
        ...     _ = file.write_text(",".join(COLUMNS) + "\\nk1,AR,3,femur,10,20,18,28\\nk1,HS,,,,,,\\n")
        ...     [(region.reader, region.structure) for region in read_regions(file)]
        [('AR', 'femur'), ('HS', '')]
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = [name.strip() for name in reader.fieldnames or []]
            missing = [name for name in COLUMNS if name not in columns]
            if missing:
                raise InputError(
                    f"{path}, line 1: expected the columns {', '.join(COLUMNS)}; {', '.join(missing)} is missing."
                )
            reader.fieldnames = columns
            rows = [(reader.line_num, {name: (row[name] or "").strip() for name in COLUMNS}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a CSV file of regions: {error}.") from error
    return [_parse(row, f"{path}, line {line}", structures, cases) for line, row in rows if any(row.values())]


def _parse(
    row: Mapping[str, str], source: str, structures: Collection[str] | None, cases: Collection[str] | None
) -> Region:
    for name, known in (("case", cases), ("structure", structures)):
        if row[name] and known is not None and row[name] not in known:
            raise InputError(f"{source}: expected a known {name} ({shown_names(sorted(known))}), got {row[name]!r}.")
    for name in ("case", "reader"):
        if not row[name]:
            raise InputError(f"{source}: {name} is empty.")
    if not any(row[name] for name in COLUMNS[2:]):
        return Region(row["case"], row["reader"], source=source)
    if not row["structure"]:
        raise InputError(f"{source}: structure is empty.")
    numbers = {}
    for name in NUMBERS:
        try:
            numbers[name] = int(row[name])
        except ValueError:
            raise InputError(f"{source}: expected a whole number in {name}, got {row[name]!r}.") from None
    region = Region(row["case"], row["reader"], structure=row["structure"], source=source, **numbers)
    if min(numbers.values()) < 0 or region.row0 >= region.row1 or region.column0 >= region.column1:
        raise InputError(
            f"{source}: expected 0 ≤ slice, 0 ≤ row0 < row1 and 0 ≤ column0 < column1, "
            f"got {', '.join(f'{name} {value}' for name, value in numbers.items())}."
        )
    return region


def write_regions(path: str | os.PathLike[str], regions: Sequence[Region]) -> None:
    """Writes a file that `read_regions` reads, whole or not at all.

    Args:
        path: of the CSV file, UTF-8; one that is there is replaced.
        regions: a row each, in this order; without any the file has an empty row under its header.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_regions(f"{folder}/r.csv", [Region("k1", "AR")])
        ...     Path(folder, "r.csv").read_text().splitlines()[1]
        'k1,AR,,,,,,'
    """
    filled = ({name: getattr(region, name) for name in COLUMNS} for region in regions)
    empty = dict.fromkeys(COLUMNS, "")
    rows = [row if row["structure"] else empty | {name: row[name] for name in COLUMNS[:2]} for row in filled]
    write_csv(path, rows or [empty])


def regions_to_masks(
    regions: Sequence[Region], shape: Sequence[int], structures: Sequence[str]
) -> tuple[torch.Tensor, list[str]]:
    """One mask per reader and structure: 1 inside the reader's regions, 0 elsewhere.

    Args:
        regions: of one case.
        shape: (H, W, S) of its image: rows, columns, slices.
        structures: their K names, in the order of the channels.

    Returns:
        (R, K, H, W, S) uint8, and the names of the R readers who rated the case, sorted. Who marked nothing has a mask
        of zeros and counts; R is 0 without regions.

    Raises:
        InputError: by file and line, a region outside the image or of another structure.

    Example:
        >>> masks, readers = regions_to_masks([Region("k1", "AR", 0, "femur", 0, 1, 2, 3)], (2, 3, 1), ["femur"])
        >>> masks[0, 0, :, :, 0].tolist(), readers
        ([[0, 1, 1], [0, 1, 1]], ['AR'])
    """
    readers = sorted({region.reader for region in regions})
    rows, columns, slices = shape
    masks = torch.zeros((len(readers), len(structures), rows, columns, slices), dtype=torch.uint8)
    for region in regions:
        if not region.structure:
            continue
        if region.structure not in structures:
            raise InputError(
                f"{region.source}: expected one of the structures {', '.join(structures)}, got {region.structure!r}."
            )
        if region.row1 > rows or region.column1 > columns or region.slice >= slices:
            raise InputError(
                f"{region.source}: the region ends outside the image of {region.case}, which has {rows} rows, "
                f"{columns} columns and {slices} slices: got slice {region.slice} (from 0), row1 {region.row1}, "
                f"column1 {region.column1}."
            )
        mask = masks[readers.index(region.reader), structures.index(region.structure)]
        mask[region.row0 : region.row1, region.column0 : region.column1, region.slice] = 1
    return masks, readers


class LoadRegionsd(MapTransform):
    """`regions_to_masks` of an item's regions, in the geometry of its ``image`` as it was read from its file.

    Put it directly behind loading, before anything that flips, resamples or crops.

    Args:
        keys: of the items' regions, a sequence of `Region`; it becomes a `MetaTensor` (R, K, H, W, S) uint8.
        structures: names of the K channels.
        allow_missing_keys: leave items without regions as they are.

    Raises:
        InputError: the image is no volume, or a region is not inside it.

    Example:
        >>> load = LoadRegionsd("regions", ["femur", "tibia"])
        >>> load({"regions": [Region("k1", "AR")], "image": torch.zeros(1, 4, 4, 2)})["regions"].shape
        torch.Size([1, 2, 4, 4, 2])
    """

    def __init__(self, keys: KeysCollection, structures: Sequence[str], allow_missing_keys: bool = False) -> None:
        super().__init__(keys, allow_missing_keys)
        self.structures = list(structures)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key in self.key_iterator(item):
            image = item["image"]
            if image.ndim != 4:
                raise InputError(
                    f"Case {item.get('case', 'without a name')}: expected a volume of rows, columns and slices, "
                    f"got an image of shape {tuple(image.shape[1:])}."
                )
            masks, _ = regions_to_masks(item[key], image.shape[1:], self.structures)
            affine = image.affine if isinstance(image, MetaTensor) else None
            item[key] = MetaTensor(masks, affine=affine)
        return item
