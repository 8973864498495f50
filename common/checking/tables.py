"""Tables of a data set's cases: findings, labels, annotators, images."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from common.checking.examine import CaseRecord, LabelRecord
from common.datasets.listing import left_out_by_reason
from common.errors import counted

__all__ = [
    "agreement_table",
    "annotator_table",
    "finding_list",
    "finding_table",
    "image_table",
    "label_sizes",
    "label_table",
    "left_out_list",
    "mean_of",
]

Table = list[list[object]]
LISTED = 8  # cases of each kind of finding
LABEL_ROWS = 12


def label_table(records: Sequence[CaseRecord], class_names: Sequence[str] = ()) -> Table:
    """Header and one row for each label and class: in how many cases, its mean share of the image, and sizes."""
    rows: Table = []
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
                f"{100 * mean_of(shares):.2f} %" if shares else "–",
                f"{middle:,.0f}",
                f"{low:,.0f} – {high:,.0f}",
                f"{min(present, default=0):,.0f} – {max(present, default=0):,.0f}",
            ]
        )
    header: list[object] = [
        "Label",
        "cases",
        "empty",
        "prevalence",
        "median size",
        "5th – 95th percentile",
        "range",
    ]
    return [header, *rows]


def annotator_table(records: Sequence[CaseRecord], expected: Sequence[str] = ()) -> Table:
    """Header and one row for each annotator: how many cases of each section they labeled, and how many empty.

    Args:
        records: of all sections.
        expected: names that have a row in any case, if anybody labeled anything.
    """
    sections = list(dict.fromkeys(record.case.section for record in records))
    names = list(dict.fromkeys(name for record in records for name in record.annotators))
    if not names:
        return []
    rows: Table = []
    for name in dict.fromkeys([*expected, *names]):
        cells: list[object] = [name]
        for section in sections:
            own = [record for record in records if record.case.section == section]
            cells.append(f"{sum(name in record.annotators for record in own)} of {len(own)}")
        drawn = [record.annotators[name] for record in records if name in record.annotators]
        rows.append([*cells, sum(not any(label.sizes.values()) for label in drawn)])
    return [["Annotator", *(f"labeled in {section}" for section in sections), "empty"], *rows]


def agreement_table(records: Sequence[CaseRecord]) -> Table:
    """Header and one row for each annotator: mean Dice with every other, nan where no case has both."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for record in records:
        for (first, second), dice in record.agreement.items():
            if dice == dice:
                found[first, second].append(dice)
                found[second, first].append(dice)
    names = [name for name in dict.fromkeys(n for r in records for n in r.annotators) if any(name in p for p in found)]
    rows: Table = []
    for name in names:
        cells = [found.get((name, other), []) for other in names]
        rows.append([name, *(f"{mean_of(dice):.3f} ({len(dice)})" if dice else "–" for dice in cells)])
    header: list[object] = ["Annotator", *names]
    return [header, *rows]


def finding_table(records: Sequence[CaseRecord]) -> Table:
    """Header and one row for each kind of finding, what training fails at first: in how many cases."""
    kinds: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for position, record in enumerate(records):
        for finding in record.findings:
            kinds[not finding.unusable, finding.kind].add(position)
    rows: Table = []
    for (usable, kind), found in sorted(kinds.items(), key=lambda entry: (entry[0][0], -len(entry[1]))):
        rows.append([kind, "worth a look" if usable else "training fails", len(found)])
    return [["Finding", "what it means", "cases"], *rows]


def finding_list(records: Sequence[CaseRecord]) -> str:
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
        blocks += [f"**{_sentence(kind)}**", "\n".join([*lines[:LISTED], *more])]
    return "\n\n".join(blocks)


def left_out_list(left_out: Sequence[tuple[str, str]]) -> str:
    """The first files and folders for every reason why they are not read."""
    blocks = []
    for reason, paths in left_out_by_reason(left_out).items():
        more = [f"- and {len(paths) - LISTED} more in `left_out.csv`"] if len(paths) > LISTED else []
        blocks += [
            f"**{_sentence(_escaped(reason))}**",
            "\n".join([*(f"- `{path}`" for path in paths[:LISTED]), *more]),
        ]
    return "\n\n".join(blocks)


def image_table(records: Sequence[CaseRecord]) -> Table:
    """Header and one row for each section: shapes, voxels and intensities of the images that could be read."""
    sections = list(dict.fromkeys(record.case.section for record in records))
    rows: Table = []
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


def label_sizes(records: Sequence[CaseRecord], class_names: Sequence[str]) -> dict[str, dict[str, list[float]]]:
    """Positive sizes by label and section."""
    sizes: dict[str, dict[str, list[float]]] = {}
    for (name, index), found in list(_by_class(records).items())[:LABEL_ROWS]:
        by: dict[str, list[float]] = {record.case.section: [] for record in records}
        for record, label in found:
            if label.sizes[index]:
                by[record.case.section].append(label.sizes[index] * record.unit)
        sizes[_label_name(name, index, class_names)] = by
    return sizes


def _by_class(records: Sequence[CaseRecord]) -> dict[tuple[str, int], list[tuple[CaseRecord, LabelRecord]]]:
    """Cases of each label (annotators likewise) and class."""
    found: dict[tuple[str, int], list[tuple[CaseRecord, LabelRecord]]] = defaultdict(list)
    names = [name for record in records for name in record.labels]
    names += [name for record in records for name in record.annotators]
    for name in dict.fromkeys(names):
        for record in records:
            label = record.labels.get(name) or record.annotators.get(name)
            for index in label.sizes if label else ():
                found[name, index].append((record, label))  # type: ignore[arg-type]
    return dict(found)


def _label_name(name: str, index: int, class_names: Sequence[str]) -> str:
    if not class_names:
        return name if index == 1 else f"{name} {index}"
    return f"{name}: {class_names[index] if index < len(class_names) else index}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _escaped(text: str) -> str:
    return "".join(f"\\{sign}" if sign in "*`\\" else sign for sign in text)


def _commonest(counts: list[tuple[str, int]]) -> str:
    if not counts:
        return "–"
    return counts[0][0] + (f" and {counted(len(counts) - 1, 'other')}" if len(counts) > 1 else "")


def _range(values: list[float]) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{low:.4g}" if low == high else f"{low:.4g} – {high:.4g}"


def mean_of(values: Iterable[float]) -> float:
    """The mean of what is not nan; nan if nothing is left."""
    known = [value for value in values if value == value]
    return statistics.fmean(known) if known else float("nan")
