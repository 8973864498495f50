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
        "Plain training is enough. Adding soft Dice to cross-entropy (nnU-Net's loss) costs nothing.",
        "none",
        ("CE + soft Dice", "T-Loss", "BWCR"),
    ),
    Branch(
        "Is every third label wrong as a whole: too large, too small, displaced?",
        "Use cross-entropy with soft Dice, which lost nowhere. For one structure, or several of one size, T-Loss "
        "(`t_loss`) gained more; in the heart, T-Loss and NCE + RCE lost structures.",
        "morphology_0.3",
        ("CE + soft Dice", "Soft Dice", "T-Loss", "NCE + RCE"),
    ),
    Branch(
        "Are most labels wrong as a whole?",
        "Use soft Dice, alone or with cross-entropy. Use T-Loss only with a Dice-optimal threshold, the rule of "
        "`marginal_thresholding`: with so many wrong labels, the border is no longer where the probability is one "
        "half.",
        "morphology_0.7",
        ("Soft Dice", "CE + soft Dice", "T-Loss", "T-Loss, Dice-optimal threshold"),
    ),
    Branch(
        "Are borders shaky?",
        "Use cross-entropy with soft Dice, which gained in lungs and heart. The Dice-optimal threshold "
        "(`marginal_thresholding`) needs calibrated probabilities. After plain training it gained only in the heart, "
        "whose structures are thin compared with the noise.",
        "gaussian_field",
        ("CE, Dice-optimal threshold", "CE + soft Dice", "BWCR, Dice-optimal threshold"),
    ),
    Branch(
        "Do some labels lack a structure?",
        "Use cross-entropy with soft Dice. The Dice-optimal threshold gained in the heart: it falls below one half "
        "where some labels lack a structure that the others have.",
        "missing",
        ("CE + soft Dice", "CE, Dice-optimal threshold", "T-Loss"),
    ),
    Branch(
        "Does your only annotator draw everything too large?",
        "No method can detect this: a network learns what all labels say, and no method gained more than a point and "
        "a half of Dice. Correct some labels and measure the habit ([audit](audit.md)), or have a second annotator.",
        "too_large",
        ("CE + soft Dice", "T-Loss", "CE, Dice-optimal threshold"),
    ),
    Branch(
        "Are classes exchanged in a few cases?",
        "This costs plain training a few points of Dice at most, and cross-entropy with soft Dice regains them. The "
        "[audit](audit.md) finds the cases.",
        "exchanged",
        ("CE + soft Dice", "GCE", "T-Loss"),
    ),
    Branch(
        "Have several annotators labeled every case, each with their own habit?",
        "Train on their majority: it is hard to beat where the annotators' habits are opposite, and STAPLE gives the "
        "same result. Confusion matrices (`disentangling_annotators`) show which annotator has which habit.",
        "three_annotators",
        ("STAPLE, CE", "Confusion matrices, vote", "Confusion matrices, T-Loss, vote", "Soft labels, APL 1-1-1"),
    ),
    Branch(
        "Are they real annotators, without a ground truth?",
        "These data do not tell the methods apart: there are only five test images, compared with the annotators' "
        "own labels.",
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
