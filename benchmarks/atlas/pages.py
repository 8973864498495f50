"""Where the atlas is shown: the JSON file, its figure, and what stands between the markers of two pages."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.atlas.data_sets import DATA_SETS
from benchmarks.atlas.figure import draw_atlas
from benchmarks.atlas.tables import DATA_SET_TITLES, dice_table, other_measures, rank_table
from benchmarks.atlas.tree import branches
from benchmarks.report.tables import insert_between_markers
from common.io.files import whole_file

GROUPS = ("one annotator", "several annotators")
MARKERS = {"atlas": "docs/atlas.md", "choosing": "docs/choosing.md"}


def write_pages(summary: Mapping[str, Any], output: Path, root: Path | None = None) -> None:
    """Writes the results file and its figure, and the pages of the site.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.
        output: the JSON file; the figure has its name and ``.png``.
        root: of the repository, whose pages are written; None: no page.
    """
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    settings = {cell["data_set"]: asdict(DATA_SETS[cell["data_set"]]) for cell in summary["cells"]}
    content = {**summary, "settings": settings, "commit": git.stdout.strip() or None}
    output.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(output) as partial:
        partial.write_text(json.dumps(_short(content), ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    draw_atlas(summary, output.with_suffix(".png"))
    if root is not None:
        show(output, root)


def show(results: Path, root: Path, check: bool = False) -> bool:
    """Writes the tables of a results file into the pages.

    Args:
        results: JSON file of `write_pages`.
        root: of the repository.
        check: compare only.

    Returns:
        Whether the pages said so already.
    """
    summary = json.loads(results.read_text(encoding="utf-8"))
    texts = {"atlas": tables(summary), "choosing": branches(summary)}
    current = [insert_between_markers(root / page, name, texts[name], check) for name, page in MARKERS.items()]
    return all(current)


def tables(summary: Mapping[str, Any]) -> str:
    """All tables of the atlas.

    Args:
        summary: of `benchmarks.atlas.results.summarize`.

    Returns:
        Markdown with a section for each data set, and one of the ranks.
    """
    sections = []
    for data_set, title in DATA_SET_TITLES.items():
        cells = [cell for cell in summary["cells"] if cell["data_set"] == data_set]
        if not cells:
            continue
        counts = {len(entry["seeds"]) for cell in cells for entry in cell["rows"]}
        seeds = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
        parts = [f"## {title}", f"Seeds: {seeds}. Dice:"]
        for group in GROUPS:
            parts += [text for text in (dice_table(summary, data_set, group),) if text]
        parts.append("The other measures, means over the columns above:")
        parts += [text for group in GROUPS if (text := other_measures(summary, data_set, group))]
        sections += parts
    ranked = [rank_table(summary, group) for group in GROUPS]
    return "\n\n".join([*sections, "## Ranks", *(text for text in ranked if text)])


def _short(value: Any) -> Any:
    """Five decimals; three significant digits of small numbers; null for what is not a number."""
    if isinstance(value, Mapping):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(each) for each in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(f"{value:.3g}") if abs(value) < 1e-2 else round(value, 5)
    return value
