"""Tables: Markdown for pages, and the CSV files that runs wrote."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.errors import InputError
from common.io.files import read_result


def markdown_table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table, its first column left-aligned and the others right-aligned.

    Args:
        header: one cell for each column.
        rows: each with as many cells as the header; no rows give the header alone.

    Returns:
        The lines of the table, without a line break at the end. ``|`` in a cell is escaped.

    Raises:
        InputError: a row has another number of cells than the header.

    Example:
        >>> print(markdown_table(["Loss", "Dice"], [["T-Loss", 0.87]]))
        | Loss | Dice |
        | :--- | ---: |
        | T-Loss | 0.87 |
    """
    for row in rows:
        if len(row) != len(header):
            raise InputError(f"a row needs {len(header)} cells, as many as the header, got {len(row)}: {list(row)}.")
    lines = [[str(cell).replace("|", r"\|").replace("\n", " ") for cell in row] for row in (header, *rows)]
    lines.insert(1, [":---"] + ["---:"] * (len(header) - 1))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def run_tables(
    runs: Mapping[str, str | os.PathLike[str]], file: str, numbers: Sequence[str], texts: Sequence[str] = ()
) -> dict[str, list[dict[str, str]]]:
    """The rows of a CSV file of each run, by the run's label.

    Args:
        runs: label → folder.
        file: its name in each folder.
        numbers: columns that it must have, whose fields are empty or numbers.
        texts: further columns that it must have.

    Returns:
        The rows, each a column's text by its name, by the label of the run.

    Raises:
        InputError: no runs, a missing file, one without a row or a column, or a field that is no number.
    """
    if not runs:
        raise InputError(f"a figure of {file} needs at least one run, got none.")
    tables = {}
    for label, folder in runs.items():
        tables[label] = read_result(Path(folder) / file, [*numbers, *texts], numbers, "a training run")
    return tables


def epoch_column(rows: Sequence[Mapping[str, str]], name: str) -> tuple[list[int], list[float]]:
    """Epochs and values, without the epochs that have none."""
    measured = [row for row in rows if row[name]]
    return [int(row["epoch"]) for row in measured], [float(row[name]) for row in measured]
