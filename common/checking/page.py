"""The page about a data set's cases: what is wrong with them, and what their labels look like."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

from common.checking.collect import read_case
from common.checking.examine import CaseRecord
from common.checking.pictures import CasePanel, draw_cases, draw_sizes, viewed_plane
from common.checking.tables import (
    agreement_table,
    annotator_table,
    finding_list,
    finding_table,
    image_table,
    label_sizes,
    label_table,
    left_out_list,
    mean_of,
)
from common.datasets.plan import Plan
from common.errors import counted
from common.report.drawing import PathLike
from common.report.page import Section, write_page
from common.report.tables import markdown_table

__all__ = ["extreme_cases", "worst_cases", "write_case_page"]

THUMBNAILS = 12


def write_case_page(
    path: PathLike,
    title: str,
    records: Sequence[CaseRecord],
    plan: Plan,
    left_out: Sequence[tuple[str, str]] = (),
) -> Path:
    """Writes the page as one HTML file, with thumbnails of the worst cases.

    Args:
        path: HTML file to write.
        title: heading.
        records: of all sections.
        plan: with the names of the classes, and who are expected to have labeled.
        left_out: (path, reason) of what of the data set is not read.
    """
    worst = worst_cases(records)
    extremes = [(record, note) for record, note in extreme_cases(records) if record not in worst]
    unit = "mm³" if any(record.voxel for record in records) else "pixels"
    by_class = all(len({*r.labels, *r.annotators}) < 2 for r in records)
    with tempfile.TemporaryDirectory() as folder:
        sections: list[Section] = [("Result", _summary(records, len(left_out)), [])]
        if worst:
            panels = [_panel(record, "", plan, by_class) for record in worst]
            drawn = draw_cases(Path(folder) / "worst.png", panels)
            sections.append(("What was found", finding_table(records), [drawn]))
            sections.append(("Case by case", finding_list(records), []))
        if left_out:
            sections.append(("What is left out", left_out_list(left_out), []))
        table = label_table(records, plan.class_names)
        if len(table) > 1:
            sizes = label_sizes(records, plan.class_names)
            drawable = any(values for by in sizes.values() for values in by.values())
            figures = [draw_sizes(Path(folder) / "sizes.png", sizes, unit)] if drawable else []
            sections.append((f"The labels, sizes in {unit}", table, figures))
        coverage = annotator_table(records, plan.annotators)
        if coverage:
            sections.append(("The annotators", coverage, []))
        agreement = agreement_table(records)
        if len(agreement) > 1:
            text = "Dice of each pair, the mean of the cases that both labeled, and their number."
            sections.append(("Agreement", f"{text}\n\n{markdown_table(agreement[0], agreement[1:])}", []))
        if extremes:
            panels = [_panel(record, note, plan, by_class) for record, note in extremes]
            sections.append(("The extremes", "", [draw_cases(Path(folder) / "extremes.png", panels)]))
        sections.append(("The images", image_table(records), []))
        return write_page(path, title, sections)


def worst_cases(records: Sequence[CaseRecord], count: int = THUMBNAILS) -> list[CaseRecord]:
    """Cases with findings, those that cannot be used first, and of every kind of finding some.

    Args:
        records: of all sections.
        count: at most so many.
    """
    by_kind: dict[tuple[bool, str], list[CaseRecord]] = defaultdict(list)
    for record in records:
        if record.findings:
            gravest = max(record.findings, key=lambda finding: finding.unusable)
            by_kind[not gravest.unusable, gravest.kind].append(record)
    kinds = sorted(by_kind, key=lambda kind: kind[0])
    unusable, rest = ([by_kind[kind] for kind in kinds if kind[0] == usable] for usable in (False, True))
    turns = chain(chain(*zip_longest(*unusable)), chain(*zip_longest(*rest)))
    return [record for record in turns if record is not None][:count]


def extreme_cases(records: Sequence[CaseRecord]) -> list[tuple[CaseRecord, str]]:
    """The smallest and the largest label, and the two cases on which annotators agree least, with a note each."""
    found: list[tuple[CaseRecord, str]] = []
    sized: list[tuple[float, CaseRecord]] = []
    for record in records:
        for label in [*record.labels.values(), *record.annotators.values()][:1]:
            if size := sum(label.sizes.values()):
                sized.append((size * record.unit, record))
    if len(sized) > 1:
        sized.sort(key=lambda pair: pair[0])
        for word, (volume, record) in (("smallest", sized[0]), ("largest", sized[-1])):
            found.append((record, f"{word} label, {volume:,.0f} {'mm³' if record.voxel else 'pixels'}"))
    agreeing = [(mean_of(record.agreement.values()), record) for record in records if record.agreement]
    for dice, record in sorted((pair for pair in agreeing if pair[0] == pair[0]), key=lambda pair: pair[0])[:2]:
        found.append((record, f"least agreement, mean Dice {dice:.2f}"))
    return found


def _summary(records: Sequence[CaseRecord], left_out: int) -> str:
    counts = Counter(record.case.section for record in records)
    listed = ", ".join(f"{count} {section}" for section, count in counts.items())
    unusable = sum(record.unusable for record in records)
    warned = sum(bool(record.findings) and not record.unusable for record in records)
    verdict = "Training can start." if not unusable else f"{unusable} cannot be used: training would fail."
    other = " else" if unusable or left_out else ""
    notes = f"Worth a look: {warned}." if warned else f"Nothing{other} was found."
    cases = counted(len(records), "case")
    if left_out:
        notes = f"Files or folders that are left out: {left_out}. {notes}"
    return f"{cases} ({listed}). **{verdict}** {notes} The tables beside this page name every case."


def _panel(record: CaseRecord, note: str, plan: Plan, by_class: bool) -> CasePanel:
    """The case read again, with an outline for each label, or for each class of the only one."""
    title = f"{record.case.name}\n{record.case.section}"
    if not note:
        first = max(record.findings, key=lambda finding: finding.unusable)
        note = f"{first.kind}: {first.message}"
    loaded = read_case(record.case, plan)
    image = next(iter(loaded.images.values()), None)
    if image is None:
        return CasePanel(title, note)
    maps = dict(loaded.annotators)
    for key, label in loaded.labels.items():
        if record.case.labels[key] not in record.case.annotators.values():
            maps[key] = label
    if by_class:
        indices = sorted({int(index) for drawn in maps.values() for index in drawn.unique().tolist() if index > 0})
        maps = {plan.class_names[index]: drawn == index for drawn in maps.values() for index in indices}
    if image.ndim not in (3, 4):
        return CasePanel(title, note)
    plane, masks, aspect = viewed_plane(image, maps)
    return CasePanel(title, note, plane, masks, aspect)
