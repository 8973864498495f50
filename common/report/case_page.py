"""The page about a data set's cases: what is wrong with them, and what their labels look like."""

from __future__ import annotations

import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from common.data.case_checks import LabelValues, class_map
from common.data.case_files import read_case
from common.data.case_record import CaseRecord, LabelRecord
from common.report.case_pictures import CasePanel, draw_cases, draw_sizes, viewed_plane
from common.report.drawing import PathLike
from common.report.page import Section, write_page

__all__ = ["agreement_table", "annotator_table", "label_table", "worst_cases", "write_case_page"]

THUMBNAILS = 12
LISTED = 8  # cases of each kind of finding
LABEL_ROWS = 12


def write_case_page(
    path: PathLike,
    title: str,
    records: Sequence[CaseRecord],
    meaning: LabelValues,
    class_names: Sequence[str] = (),
    channels: int = 1,
    annotators: Sequence[str] = (),
) -> Path:
    """Writes the page as one HTML file, with thumbnails of the worst cases.

    Args:
        path: HTML file to write.
        title: heading.
        records: of all sections.
        meaning: of the values in label files.
        class_names: of the class indices from 0 on; empty for their numbers.
        channels: of PNG, JPEG and TIFF images.
        annotators: who are expected, also those without a label.
    """
    structures = class_names[1:]
    worst = worst_cases(records)
    extremes = [(record, note) for record, note in extreme_cases(records) if record not in worst]
    unit = "mm³" if any(record.voxel for record in records) else "pixels"
    with tempfile.TemporaryDirectory() as folder:
        sections: list[Section] = [("Result", _summary(records), [])]
        if worst:
            panels = [_panel(record, "", meaning, channels, structures) for record in worst]
            drawn = draw_cases(Path(folder) / "worst.png", panels)
            sections.append(("What was found", _problem_table(records), [drawn]))
            sections.append(("Case by case", _problem_list(records), []))
        table = label_table(records, class_names)
        if len(table) > 1:
            sizes = _sizes(records, class_names)
            figures = [draw_sizes(Path(folder) / "sizes.png", sizes, unit)] if any(map(any, _values(sizes))) else []
            sections.append((f"The labels, sizes in {unit}", table, figures))
        coverage = annotator_table(records, annotators)
        if coverage:
            sections.append(("The annotators", coverage, []))
        agreement = agreement_table(records)
        if len(agreement) > 1:
            text = "Dice of each pair, mean of the cases that both labelled; their number in brackets"
            sections.append((f"Agreement. {text}", agreement, []))
        if extremes:
            panels = [_panel(record, note, meaning, channels, structures) for record, note in extremes]
            sections.append(("The extremes", "", [draw_cases(Path(folder) / "extremes.png", panels)]))
        sections.append(("The images", _image_table(records), []))
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
    agreeing = [(_mean(record.agreement.values()), record) for record in records if record.agreement]
    for dice, record in sorted((pair for pair in agreeing if pair[0] == pair[0]), key=lambda pair: pair[0])[:2]:
        found.append((record, f"least agreement, mean Dice {dice:.2f}"))
    return found


def label_table(records: Sequence[CaseRecord], class_names: Sequence[str] = ()) -> list[list[object]]:
    """Header and one row for each label and class: in how many cases, share of the image, and sizes."""
    rows: list[list[object]] = []
    for (name, index), found in _by_class(records).items():
        sizes = [label.sizes[index] * record.unit for record, label in found]
        present = [size for size in sizes if size]
        shares = [label.sizes[index] / label.total for _, label in found if label.total]
        low, middle, high = np.percentile(present, (5, 50, 95)) if present else (0, 0, 0)
        rows.append(
            [
                _label_name(name, index, class_names),
                len(found),
                len(found) - len(present),
                f"{100 * _mean(shares):.2f} %" if shares else "–",
                f"{middle:,.0f}",
                f"{low:,.0f} – {high:,.0f}",
                f"{min(present, default=0):,.0f} – {max(present, default=0):,.0f}",
            ]
        )
    header: list[object] = [
        "Label",
        "cases",
        "empty",
        "share of the image",
        "median size",
        "5th – 95th percentile",
        "range",
    ]
    return [header, *rows]


def annotator_table(records: Sequence[CaseRecord], expected: Sequence[str] = ()) -> list[list[object]]:
    """Header and one row for each annotator: how many cases of each section they labelled, and how many empty.

    Args:
        records: of all sections.
        expected: names that have a row in any case, if anybody labelled anything.
    """
    sections = list(dict.fromkeys(record.case.section for record in records))
    names = list(dict.fromkeys(name for record in records for name in record.annotators))
    if not names:
        return []
    rows: list[list[object]] = []
    for name in dict.fromkeys([*expected, *names]):
        cells: list[object] = [name]
        for section in sections:
            own = [record for record in records if record.case.section == section]
            cells.append(f"{sum(name in record.annotators for record in own)} of {len(own)}")
        drawn = [record.annotators[name] for record in records if name in record.annotators]
        rows.append([*cells, sum(not any(label.sizes.values()) for label in drawn)])
    return [["Annotator", *(f"labelled in {section}" for section in sections), "empty"], *rows]


def agreement_table(records: Sequence[CaseRecord]) -> list[list[object]]:
    """Header and one row for each annotator: mean Dice with every other, nan where no case has both."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in records:
        for (first, second), dice in record.agreement.items():
            if dice == dice:
                found[first, second].append(dice)
                found[second, first].append(dice)
    names = [name for name in dict.fromkeys(n for r in records for n in r.annotators) if any(name in p for p in found)]
    rows: list[list[object]] = []
    for name in names:
        cells = [found.get((name, other), []) for other in names]
        rows.append([name, *(f"{_mean(dice):.3f} ({len(dice)})" if dice else "–" for dice in cells)])
    header: list[object] = ["Annotator", *names]
    return [header, *rows]


def _by_class(records: Sequence[CaseRecord]) -> dict[tuple[str, int], list[tuple[CaseRecord, LabelRecord]]]:
    """Cases of each label (annotators likewise) and class."""
    found: dict[tuple[str, int], list[tuple[CaseRecord, LabelRecord]]] = defaultdict(list)
    names = dict.fromkeys(name for record in records for name in (*record.labels, *record.annotators))
    for name in names:
        for record in records:
            label = record.labels.get(name) or record.annotators.get(name)
            for index in label.sizes if label else ():
                found[name, index].append((record, label))  # type: ignore[arg-type]
    return dict(found)


def _sizes(records: Sequence[CaseRecord], class_names: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Positive sizes by label and section."""
    sizes: dict[str, dict[str, list[float]]] = {}
    for (name, index), found in list(_by_class(records).items())[:LABEL_ROWS]:
        by: dict[str, list[float]] = {record.case.section: [] for record in records}
        for record, label in found:
            if label.sizes[index]:
                by[record.case.section].append(label.sizes[index] * record.unit)
        sizes[_label_name(name, index, class_names)] = by
    return sizes


def _values(sizes: dict[str, dict[str, list[float]]]) -> list[list[list[float]]]:
    return [list(by.values()) for by in sizes.values()]


def _label_name(name: str, index: int, class_names: Sequence[str]) -> str:
    if not class_names:
        return name if index == 1 else f"{name} {index}"
    return f"{name}: {class_names[index] if index < len(class_names) else index}"


def _summary(records: Sequence[CaseRecord]) -> str:
    counts = Counter(record.case.section for record in records)
    listed = ", ".join(f"{count} {section}" for section, count in counts.items())
    unusable = sum(record.unusable for record in records)
    warned = sum(bool(record.findings) and not record.unusable for record in records)
    verdict = "Training can start." if not unusable else f"{unusable} cannot be used: training would fail."
    notes = f"{warned} are worth a look." if warned else "Nothing else was found."
    return f"{len(records)} cases ({listed}). **{verdict}** {notes} The tables beside this page name every case."


def _problem_table(records: Sequence[CaseRecord]) -> list[list[object]]:
    kinds: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for position, record in enumerate(records):
        for finding in record.findings:
            kinds[not finding.unusable, finding.kind].add(position)
    rows: list[list[object]] = []
    for (usable, kind), found in sorted(kinds.items(), key=lambda entry: (entry[0][0], -len(entry[1]))):
        rows.append([kind, "worth a look" if usable else "training fails", len(found)])
    return [["Finding", "what it means", "cases"], *rows]


def _problem_list(records: Sequence[CaseRecord]) -> str:
    """The first cases of every kind of finding."""
    kinds: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for record in records:
        for finding in record.findings:
            file = f" (`{Path(finding.file).name}`)" if finding.file else ""
            case = f"**{_escaped(record.case.name)}** ({record.case.section})"
            kinds[not finding.unusable, finding.kind].append(f"- {case}: {_escaped(finding.message)}{file}")
    blocks = []
    for (_, kind), lines in sorted(kinds.items(), key=lambda entry: entry[0][0]):
        more = [f"- and {len(lines) - LISTED} more in `findings.csv`"] if len(lines) > LISTED else []
        blocks += [f"{kind.capitalize()}:", "\n".join([*lines[:LISTED], *more])]
    return "\n\n".join(blocks)


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "*`\\" else sign for sign in text)


def _image_table(records: Sequence[CaseRecord]) -> list[list[object]]:
    sections = list(dict.fromkeys(record.case.section for record in records))
    rows: list[list[object]] = []
    for section in sections:
        own = [record for record in records if record.case.section == section and record.shape]
        shapes = Counter(" × ".join(map(str, record.shape)) for record in own).most_common()
        voxels = Counter(" × ".join(f"{x:g}" for x in record.voxel) for record in own if record.voxel).most_common()
        rows.append(
            [
                section,
                len(own),
                _commonest(shapes),
                _commonest(voxels),
                _range([record.lowest for record in own if record.lowest is not None]),
                _range([record.highest for record in own if record.highest is not None]),
            ]
        )
    return [["Section", "read", "shape", "voxels, mm", "lowest intensity", "highest intensity"], *rows]


def _commonest(counts: list[tuple[str, int]]) -> str:
    if not counts:
        return "–"
    return counts[0][0] + (f" and {len(counts) - 1} others" if len(counts) > 1 else "")


def _range(values: list[float]) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} – {high:.4g}"


def _mean(values: object) -> float:
    known = [value for value in values if value == value]  # type: ignore[attr-defined]
    return statistics.fmean(known) if known else float("nan")


def _panel(record: CaseRecord, note: str, meaning: LabelValues, channels: int, structures: Sequence[str]) -> CasePanel:
    """The case read again and drawn."""
    name = record.case.name if len(record.case.name) <= 26 else f"{record.case.name[:12]}…{record.case.name[-12:]}"
    title = f"{name}, {record.case.section}"
    if not note:
        first = max(record.findings, key=lambda finding: finding.unusable)
        note = f"{first.kind}: {first.message}"
    loaded = read_case(record.case, channels, structures)
    image = next(iter(loaded.images.values()), None)
    if image is None:
        return CasePanel(title, note)
    marked = LabelValues(tuple(range(len(structures) + 1))) if record.case.regions else meaning
    maps = {who: class_map(label[:1], marked) for who, label in loaded.annotators.items()}
    for key, label in loaded.labels.items():
        if record.case.labels[key] not in record.case.annotators.values():
            maps[key] = class_map(label[:1], meaning)
    if len(maps) == 1:  # a colour for each class
        (only,) = maps.values()
        indices = [index for index in only.unique().tolist() if index > 0]
        names = {index: structures[index - 1] if index <= len(structures) else f"label {index}" for index in indices}
        maps = {names[index] if len(indices) > 1 else key: only == index for key in maps for index in indices}
    if image.ndim not in (3, 4):
        return CasePanel(title, note)
    plane, masks, aspect = viewed_plane(image, maps)
    return CasePanel(title, note, plane, masks, aspect)
