"""How one way of evaluating the same trained networks differs from another, case by case.

    python -m benchmarks.compare_evaluations --first "['runs/0/windows','runs/1/windows']" \\
        --then "['runs/0/whole','runs/1/whole']" [--measures "['dice','tace']"]

Each folder is an ``output_dir`` of ``evaluating``, all of the same cases; the n-th of ``then`` is of the network of
the n-th of ``first``. Prints Markdown, a row for each measure: its mean over cases and networks in ``first``, and its
change, which is averaged over the networks of each case, with the standard error over cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import fire
import numpy as np

from common.errors import InputError
from common.io.files import read_result
from common.report.tables import markdown_table

MEASURES = ("dice", "tace", "ece_paper", "ece_top_all", "nll_all", "brier_all")  # of bwcr


def read(folder: str, measures: Sequence[str]) -> dict[str, list[float]]:
    """The measures of each case in a ``summary.csv``; nan where a case has none."""
    rows = read_result(Path(folder) / "evaluation/summary.csv", ["case", *measures], measures, "an evaluation")
    return {row["case"]: [float(row[name] or "nan") for name in measures] for row in rows}


def compare(first: Sequence[str], then: Sequence[str], measures: Sequence[str] = MEASURES) -> str:
    """See the head of this module."""
    values: list[list[list[float]]] = []
    cases: list[str] = []
    for pair in zip(first, then, strict=True):
        both = [read(folder, measures) for folder in pair]
        for folder, found in zip(pair, both, strict=True):
            cases = cases or sorted(found)
            if sorted(found) != cases:
                raise InputError(f"{folder}: expected the {len(cases)} cases of {first[0]}, got {len(found)} others.")
        values.append([[*both[0][case], *both[1][case]] for case in cases])
    of_networks = np.array(values).reshape(len(values), len(cases), 2, len(measures))
    start = of_networks[:, :, 0].mean(0)  # of the networks; then of the cases that have the measure
    change = (of_networks[:, :, 1] - of_networks[:, :, 0]).mean(0)
    count = np.isfinite(change).sum(0)
    error = np.nanstd(change, axis=0) / np.sqrt(np.maximum(count, 1))
    columns = zip(measures, np.nanmean(start, 0), np.nanmean(change, 0), error, strict=True)
    rows = [[name, f"{mean:.4f}", f"{moved:+.4f} ± {unsure:.4f}"] for name, mean, moved, unsure in columns]
    return markdown_table(["measure", "first", "change"], rows)


if __name__ == "__main__":
    fire.Fire(lambda first, then, measures=MEASURES: print(compare(first, then, measures)))
