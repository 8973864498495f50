"""The decision tree of docs/choosing.md: what to use for which labels, with the figures that say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.atlas.tables import DATA_SET_TITLES, LEVEL


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


BRANCHES: tuple[Branch, ...] = ()


def branches(summary: Mapping[str, Any]) -> str:
    """Every branch with its figures.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.

    Returns:
        Markdown: a numbered list; under each item, by data set and row, Dice, the difference to plain training with its
        95 % interval, and whether it is significant.
    """
    lines = []
    for number, branch in enumerate(BRANCHES, 1):
        lines += [f"{number}. **{branch.question}** {branch.advice}", ""]
        for cell in summary["cells"]:
            if cell["error"] == branch.error:
                entries = {entry["row"]: entry for entry in cell["rows"]}
                found = [_figures(row, entries[row]) for row in branch.rows if row in entries]
                plain = cell["rows"][0]
                lines.append(
                    f"    - {DATA_SET_TITLES[cell['data_set']]} (plain {plain['dice'][0]:.3f}): {'; '.join(found)}."
                )
        lines.append("")
    return "\n".join(lines)


def _figures(row: str, entry: Mapping[str, Any]) -> str:
    if entry.get("difference") is None:
        return f"{row} {entry['dice'][0]:.3f}"
    low, high = entry["interval"]
    text = f"{row} {entry['dice'][0]:.3f}, {entry['difference']:+.3f} [{low:+.3f}, {high:+.3f}]".replace("-", "−")
    return text + (", significant" if entry["p_holm"] < LEVEL else ", not significant")
