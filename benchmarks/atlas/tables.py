"""The atlas as Markdown: a table of Dice for each data set, the other measures, and the ranks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.atlas.methods import METHODS
from benchmarks.report.statistics import known_mean
from common.report.tables import markdown_table

LEVEL = 0.05  # of significance, after Holm's correction
DATA_SET_TITLES = {
    "shenzhen": "Lungs in radiographs",
    "acdc": "Heart in MRI slices",
    "hippocampus": "Hippocampus in MRI volumes",
    "oocytes": "Oocytes",
}
ERROR_TITLES = {
    "none": "no\nerrors",
    "morphology_0.3": "30 %\nwrong as\na whole",
    "morphology_0.7": "70 %\nwrong as\na whole",
    "gaussian_field": "shaky\nborders",
    "missing": "30 %\nlack a\nstructure",
    "too_large": "all\ntoo\nlarge",
    "exchanged": "5 % with\nclasses\nexchanged",
    "three_annotators": "too large,\ntoo small,\nright",
    "real_annotators": "three real\nannotators",
}
SEVERAL = ("three_annotators", "real_annotators")


def error_title(error: str) -> str:
    """What a kind of label error is called in a line of text.

    Args:
        error: a key of `ERROR_TITLES`.

    Returns:
        Its title.

    Example:
        >>> error_title("gaussian_field")
        'shaky borders'
    """
    return ERROR_TITLES[error].replace("\n", " ")


def cells_of(summary: Mapping[str, Any], group: str, data_set: str | None = None) -> list[Mapping[str, Any]]:
    """The cells of one group of methods.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        group: ``one annotator`` or ``several annotators``.
        data_set: of this alone.

    Returns:
        Cells in the order of the summary.
    """
    several = group == "several annotators"
    return [
        cell
        for cell in summary["cells"]
        if (cell["error"] in SEVERAL) == several and data_set in (None, cell["data_set"])
    ]


def rows_of(cells: Sequence[Mapping[str, Any]]) -> list[str]:
    """All rows, in the order of the methods.

    Args:
        cells: of `cells_of`.

    Returns:
        Their titles, of those that a cell has.
    """
    known = {entry["row"] for cell in cells for entry in cell["rows"]}
    return [row for method in METHODS.values() for rule in method.decisions if (row := method.row(rule)) in known]


def dice_table(summary: Mapping[str, Any], data_set: str, group: str) -> str:
    """Dice on clean test labels (with each real annotator), methods in rows and errors in columns.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        data_set: its name.
        group: see `cells_of`.

    Returns:
        Markdown: mean ± standard deviation over seeds, ▲ or ▼ where the difference to plain training is significant;
        empty without a cell.
    """
    cells = cells_of(summary, group, data_set)
    if not cells:
        return ""
    header = ["Method", *(error_title(cell["error"]) for cell in cells)]
    rows = [[row, *(_dice(cell, row) for cell in cells)] for row in rows_of(cells)]
    return markdown_table(header, rows)


def other_measures(summary: Mapping[str, Any], data_set: str, group: str) -> str:
    """The other measures, each the mean over the errors of a data set.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        data_set: its name.
        group: see `cells_of`.

    Returns:
        Markdown; empty without a cell.
    """
    cells = cells_of(summary, group, data_set)
    if not cells:
        return ""
    length = "pixels" if data_set in ("shenzhen", "oocytes") else "mm"
    header = ["Method", f"95 % Hausdorff, {length}", "ECE", "TACE", "expected Dice", "Dice", "cost", "learning rate"]
    rows = []
    for row in rows_of(cells):
        entries = [entry for cell in cells for entry in cell["rows"] if entry["row"] == row]
        means = {
            name: known_mean(entry[name][0] for entry in entries)[0]
            for name in ("hausdorff_95", "ece", "tace", "expected_dice", "dice")
        }
        cost = known_mean(entry["cost"] for entry in entries)[0]
        rows.append(
            [
                row,
                f"{means['hausdorff_95']:.1f}",
                *(f"{means[name]:.3f}" for name in ("ece", "tace", "expected_dice", "dice")),
                f"{cost:.1f}",
                f"{entries[0]['learning_rate']:g}"
                + (f", λ {weight:g}" if (weight := entries[0].get("consistency")) else ""),
            ]
        )
    return markdown_table(header, rows)


def rank_table(summary: Mapping[str, Any], group: str) -> str:
    """Mean ranks of a group, the best first.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        group: see `cells_of`.

    Returns:
        Markdown with Nemenyi's p against plain training, and a line with Friedman's; empty where there are no ranks.
    """
    found = summary["ranks"][group]
    if found is None:
        return ""
    order = sorted(found["mean_ranks"].items(), key=lambda pair: pair[1])
    rows = [
        [row, f"{rank:.2f}", f"{found['nemenyi_p'][row]:.2g}" if row in found["nemenyi_p"] else "–"]
        for row, rank in order
    ]
    table = markdown_table(["Method", "mean rank", "p against plain training (Nemenyi)"], rows)
    blocks, p = found["blocks"], found["friedman_p"]
    return f"{table}\n\nMean ranks of Dice over {blocks} cells (data set × error); Friedman p = {p:.2g}."


def _dice(cell: Mapping[str, Any], row: str) -> str:
    entry = next((entry for entry in cell["rows"] if entry["row"] == row), None)
    if entry is None or entry["dice"][0] is None or math.isnan(entry["dice"][0]):
        return "–"
    mean, deviation = entry["dice"]
    text = f"{mean:.3f}" + ("" if deviation is None or math.isnan(deviation) else f" ± {deviation:.3f}")
    if "p_holm" in entry and entry["p_holm"] < LEVEL:
        text += " ▲" if entry["difference"] > 0 else " ▼"
    return text
