"""The decision tree of docs/choosing.md: what to use for which labels, with the figures that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.atlas.tables import DATA_SET_TITLES, LEVEL, cells_of, rows_of
from common.report.tables import markdown_table


@dataclass(frozen=True)
class Branch:
    """A kind of labels, and the rows of the atlas that speak of it.

    Attributes:
        question: what is asked of the labels.
        advice: what to do then.
        error: of the cells.
        rows: compared with plain training, the advised one first.
    """

    question: str
    advice: str
    error: str
    rows: tuple[str, ...]


BRANCHES = (
    Branch(
        "Are the labels of one annotator nearly right?",
        "Plain training is enough. Soft Dice beside cross-entropy (nnU-Net's loss) costs nothing.",
        "none",
        ("CE + soft Dice", "T-Loss", "BWCR"),
    ),
    Branch(
        "Is every third label wrong as a whole: too large, too small, displaced?",
        "Cross-entropy with soft Dice. For one structure, or several of one size, also T-Loss (`t_loss`). In the heart "
        "it lost structures, as NCE + RCE did.",
        "morphology_0.3",
        ("CE + soft Dice", "Soft Dice", "T-Loss", "NCE + RCE"),
    ),
    Branch(
        "Are most labels wrong as a whole?",
        "Soft Dice, alone or with cross-entropy. T-Loss only with a Dice-optimal threshold, the rule of "
        "`marginal_thresholding`: a probability of one half is no longer the border.",
        "morphology_0.7",
        ("Soft Dice", "CE + soft Dice", "T-Loss", "T-Loss, Dice-optimal threshold"),
    ),
    Branch(
        "Are borders shaky?",
        "Soft Dice beside cross-entropy gained everywhere. The Dice-optimal threshold (`marginal_thresholding`) gained "
        "in the heart, whose structures are thin for the noise, and nothing elsewhere: it needs calibrated "
        "probabilities.",
        "gaussian_field",
        ("CE, Dice-optimal threshold", "CE + soft Dice", "BWCR, Dice-optimal threshold"),
    ),
    Branch(
        "Do some labels lack a structure?",
        "Cross-entropy with soft Dice. The Dice-optimal threshold, which falls below one half where a part of the "
        "labels lacks what the others have, gained in the heart.",
        "missing",
        ("CE + soft Dice", "CE, Dice-optimal threshold", "T-Loss"),
    ),
    Branch(
        "Does the one annotator draw everything too large, or too small?",
        "No method can know it: what all labels say is what is learned, and none gains more than a point. Correct some "
        "labels and measure the habit ([audit](audit.md)), or have a second annotator.",
        "too_large",
        ("CE + soft Dice", "T-Loss", "CE, Dice-optimal threshold"),
    ),
    Branch(
        "Are classes exchanged in a few cases?",
        "A few points at most, which soft Dice beside cross-entropy wins back; the [audit](audit.md) finds the cases.",
        "exchanged",
        ("CE + soft Dice", "GCE", "T-Loss"),
    ),
    Branch(
        "Have several annotators labeled every case, each with a habit of his own?",
        "Their majority is hard to beat where habits are opposite, and STAPLE agrees with it. Confusion matrices "
        "(`disentangling_annotators`) say who has which habit.",
        "three_annotators",
        ("STAPLE, CE", "Confusion matrices, vote", "Confusion matrices, T-Loss, vote", "Soft labels, APL 1-1-1"),
    ),
    Branch(
        "Are they real annotators, and is there no ground truth?",
        "Nothing here tells the methods apart: five test images, compared with the annotators' own labels.",
        "real_annotators",
        ("STAPLE, CE", "Confusion matrices, vote", "Soft labels, APL 1-1-1"),
    ),
)


def branches(summary: Mapping[str, Any]) -> str:
    """Every branch with its figures.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.

    Returns:
        Markdown: `wins`, then a section for each branch of which there are cells, with a table of its rows and plain
        training by data set: the difference of Dice with its 95 % interval, bold where it is significant.
    """
    parts = [wins(summary)]
    for branch in BRANCHES:
        cells = [cell for cell in summary["cells"] if cell["error"] == branch.error]
        if not cells:
            continue
        entries = [{entry["row"]: entry for entry in cell["rows"]} for cell in cells]
        plain = cells[0]["rows"][0]["row"]
        rows = [[row, *(_figures(found.get(row)) for found in entries)] for row in (plain, *branch.rows)]
        table = markdown_table(["Dice", *(DATA_SET_TITLES[cell["data_set"]] for cell in cells)], rows)
        parts += [f"## {branch.question}", branch.advice, table]
    return "\n\n".join(parts)


def wins(summary: Mapping[str, Any]) -> str:
    """In how many cells each row for one annotator is better or worse than plain training.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.

    Returns:
        A Markdown table.
    """
    cells = cells_of(summary, "one annotator")
    rows = []
    for row in rows_of(cells):
        entries = [entry for cell in cells for entry in cell["rows"] if entry["row"] == row and "p_holm" in entry]
        clear = [entry["difference"] > 0 for entry in entries if entry["p_holm"] < LEVEL]
        if entries:
            rows.append([row, sum(clear), len(entries) - len(clear), len(clear) - sum(clear)])
    return markdown_table(["One annotator, cells in which it is", "better", "not told apart", "worse"], rows)


def _figures(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "–"
    if entry.get("difference") is None:
        return f"{entry['dice'][0]:.3f}"
    low, high = entry["interval"]
    text = f"{entry['difference']:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
    return f"**{text}**" if entry["p_holm"] < LEVEL else text
