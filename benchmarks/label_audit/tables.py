"""What the audit found, as Markdown: tables for each data set, and counts over all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.atlas.tables import DATA_SET_TITLES
from benchmarks.label_audit.errors import ERRORS
from benchmarks.label_audit.results import CLEANLAB, LIMITS, OURS, SCORES
from common.report.tables import markdown_table

LEVEL = 0.05
TITLES = {
    "surprise": "surprise",
    "expected_dice": "expected Dice",
    "score": "likelihood ratio",
    "dice": "Dice",
    "soft_dice": "soft Dice",
    "squared_error": "squared error (T-Loss)",
    "entropy_corrected": "entropy-corrected",
    "softmin": "cleanlab, softmin",
    "pixel_issues": "cleanlab, pixels",
}
GROSS, LOCAL = 0.98, 0.90  # AUROC wished for
LOCAL_ERRORS = ("structure missing", "shifted by two slices")


def all_tables(cells: Sequence[Mapping[str, Any]]) -> str:
    """Everything that stands on the page.

    Args:
        cells: of `benchmarks.label_audit.results.summarize`.

    Returns:
        Markdown: two tables for each data set, then a table of counts.
    """
    parts = []
    for name, title in DATA_SET_TITLES.items():
        own = [cell for cell in cells if cell["data_set"] == name]
        if own:
            seeds = sorted({len(cell["seeds"]) for cell in own})
            cases = own[0]["cases"] // len(own[0]["seeds"])
            said = f"{cases} cases; seeds: {' to '.join(str(seeds[place]) for place in sorted({0, len(seeds) - 1}))}."
            parts += [f"#### {title}", said, score_table(own), other_table(own)]
    return "\n\n".join([*parts, "#### In all", count_table(cells), calibration_table(cells)])


def score_table(cells: Iterable[Mapping[str, Any]]) -> str:
    """AUROC and average precision of every score, a row for each error; the best of each is bold.

    Args:
        cells: of one data set.

    Returns:
        Markdown.
    """
    rows = []
    for cell in cells:
        if not cell["wrong"]:
            continue
        shown = [cell["error"]]
        for score in SCORES:
            values = []
            for measure in ("auroc", "precision"):
                best = max(round(mean, 3) for mean, _ in cell[measure].values())
                mean = round(cell[measure][score][0], 3)
                values.append(f"**{mean:.3f}**" if mean == best else f"{mean:.3f}")
            shown.append(", ".join(values))
        rows.append(shown)
    return markdown_table(["AUROC, average precision", *(TITLES[score] for score in SCORES)], rows)


def other_table(cells: Iterable[Mapping[str, Any]]) -> str:
    """What is flagged and how it is named, and the average precision of maps for pixels.

    Args:
        cells: of one data set.

    Returns:
        Markdown.
    """
    rows = []
    for cell in cells:
        right = cell["cases"] - cell["wrong"]
        row = [
            cell["error"],
            f"{cell['flagged']['wrong']} of {cell['wrong']}",
            f"{cell['flagged']['right']} of {right}",
        ]
        if cell["wrong"]:
            pixels = [f"{cell['pixels'][name][0]:.3f}" for name in ("false_label", "1 - p", "pixel_issues")]
            row += [f"{cell['named']} of {cell['found']}", *pixels]
        else:
            row += [""] * 4
        rows.append(row)
    header = ["", "wrong labels flagged", "right labels flagged", "kind as injected"]
    return markdown_table([*header, "pixels: map of false labels", "1 − p", "cleanlab, pixels"], rows)


def count_table(cells: Iterable[Mapping[str, Any]]) -> str:
    """In how many cells the audit's score is ahead of the others, and how many wishes are met.

    Args:
        cells: of all data sets.

    Returns:
        Markdown.
    """
    known = [cell for cell in cells if cell["wrong"]]
    ours = OURS[0]
    rows = []
    for other in SCORES:
        if other == ours:
            continue
        ahead = [cell for cell in known if cell["auroc"][ours][0] > cell["auroc"][other][0]]
        level = [cell for cell in known if cell["auroc"][ours][0] == cell["auroc"][other][0]]
        surely = [cell for cell in ahead if cell["p"][other] < LEVEL]
        behind = [c for c in known if c["auroc"][ours][0] < c["auroc"][other][0] and c["p"][other] < LEVEL]
        rows.append(
            [f"ahead of {TITLES[other]}", f"{len(ahead)} of {len(known)}", len(level), len(surely), len(behind)]
        )
    table = markdown_table(
        [f"AUROC of {TITLES[ours]}", "cells", "level", "significantly ahead", "significantly behind"], rows
    )
    return "\n\n".join([table, _wishes(known, ours)])


def calibration_table(cells: Sequence[Mapping[str, Any]]) -> str:
    """How many labels are wrong by their probability, over all errors of a data set, and how many were to expect.

    Args:
        cells: of all data sets.

    Returns:
        Markdown.
    """
    by = {name: [cell for cell in cells if cell["data_set"] == name] for name in DATA_SET_TITLES}
    known = {name: own for name, own in by.items() if own}
    rows = []
    for place, (low, high) in enumerate(itertools.pairwise([0, *LIMITS, 1])):
        row = [f"{low:g} to {high:g}"]
        for own in known.values():
            labels, wrong, expected = (
                sum(numbers) for numbers in zip(*(c["calibration"][place] for c in own), strict=True)
            )
            row.append(f"{wrong} of {labels} ({expected:.0f})")
        rows.append(row)
    return markdown_table(["wrong (expected), by probability", *(DATA_SET_TITLES[name] for name in known)], rows)


def _wishes(cells: Sequence[Mapping[str, Any]], ours: str) -> str:
    gross = [cell for cell in cells if ERRORS[cell["error"]].gross]
    local = [cell for cell in cells if cell["error"] in LOCAL_ERRORS]
    both = [cell for cell in cells if all(cell["auroc"][ours][0] >= cell["auroc"][other][0] for other in CLEANLAB)]
    pixels = [cell for cell in cells if cell["pixels"]["false_label"][0] > cell["pixels"]["1 - p"][0]]
    named, found = (sum(cell[key] for cell in cells) for key in ("named", "found"))
    rows = [
        ["not behind either score of cleanlab", f"{len(both)} of {len(cells)} cells"],
        [f"AUROC of at least {GROSS} for gross errors", _reached(gross, ours, GROSS)],
        [f"AUROC of at least {LOCAL:.2f} for missing structures and shifts", _reached(local, ours, LOCAL)],
        ["map of false labels ahead of 1 − p, average precision of pixels", f"{len(pixels)} of {len(cells)} cells"],
        ["kind as injected, of what is found at 95 % precision", f"{named} of {found} ({named / max(1, found):.0%})"],
    ]
    return markdown_table(["", "reached in"], rows)


def _reached(cells: Sequence[Mapping[str, Any]], score: str, least: float) -> str:
    return f"{sum(cell['auroc'][score][0] >= least for cell in cells)} of {len(cells)} cells"
