"""`checking`: every case of the data read before training starts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from monai.transforms import Compose, RandomizableTrait
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from common.checking.collect import CaseFiles, collect_cases, reason
from common.checking.examine import CaseRecord, LabelRecord, compare_cases, examine_case
from common.checking.page import write_case_page
from common.datasets.plan import Plan
from common.errors import InputError
from common.io.checks import Finding, LabelValues
from common.io.files import write_csv

__all__ = ["check_cases"]

COMPARED = ("duplicate", "in two sections")


def check_cases(
    sections: Mapping[str, Sequence[Mapping[str, Any]]],
    preprocessing: Mapping[str, Compose],
    output_dir: str | os.PathLike[str],
    classes: Sequence[int] | None = None,
    foreground: Sequence[int] | None = None,
    class_names: Sequence[str] = (),
    annotators: Sequence[str] = (),
    channels: int = 1,
    num_workers: int = 0,
    plan: Plan | None = None,
) -> Path:
    """Reads every case as it is stored, and writes what is wrong and what the labels look like.

    Every file is read on its own, so that one that is damaged hides nothing else. Cases with a finding, and the first
    of each section, also go through the preprocessing, up to its first random transform, to see if training would fail.

    Args:
        sections: datalist by name: training, validation and, where there is one, test.
        preprocessing: of training and validation, by section.
        output_dir: ``checking/`` is made in it with ``checking.html``, ``cases.csv`` (a row for every case) and
            ``findings.csv`` (a row for every finding).
        classes: class indices that label files hold; None: labels are masks.
        foreground: values of a mask that are the object; None: what exceeds half of its maximum.
        class_names: of the class indices from 0 on.
        annotators: who are expected to have labeled.
        channels: of the image.
        num_workers: processes that read.
        plan: says all this of classes, annotators and channels.

    Returns:
        The page.

    Raises:
        InputError: training would fail; how many cases cannot be used, and the first of them. What was written stays.
    """
    if plan is not None:
        classes, class_names = range(plan.num_classes), plan.class_names
        annotators, channels = plan.annotators, plan.channels
    meaning = LabelValues(
        tuple(classes) if classes is not None else None, tuple(foreground) if foreground is not None else None
    )
    cases = collect_cases({name: items for name, items in sections.items() if items})
    reading = _Reading(cases, meaning, channels, class_names[1:], None if plan is None else plan.labels)
    loader: DataLoader = DataLoader(reading, batch_size=None, num_workers=num_workers, collate_fn=_as_it_is)
    records = list(tqdm(loader, "Checking", unit="case", disable=None, leave=False))
    for record, case in zip(records, cases, strict=True):
        record.case = case  # a worker's copy would double the datalist
    compare_cases(records)
    rehearse(records, preprocessing)

    folder = Path(output_dir) / "checking"
    write_csv(folder / "cases.csv", [_case_row(record, class_names) for record in records])
    write_csv(folder / "findings.csv", [_finding_row(record, found) for record in records for found in record.findings])
    files = [file for case in cases for file in (*case.images, *case.labels.values(), *case.annotators.values())]
    title = f"Data check of {Path(os.path.commonpath(files)).name}" if files else "Data check"
    page = write_case_page(folder / "checking.html", title, records, meaning, class_names, channels, annotators)
    unusable = [record for record in records if record.unusable]
    warned = sum(bool(record.findings) for record in records) - len(unusable)
    if unusable:
        first = next(found for found in unusable[0].findings if found.unusable)
        where = f"{first.file}: " if first.file else ""
        raise InputError(
            f"{len(unusable)} of {len(records)} cases cannot be used, see {page}; the first is {unusable[0].case.name} "
            f"({unusable[0].case.section}): {where}{first.message}."
        )
    print(f"{len(records)} cases checked, {warned} worth a look, none that cannot be used: {page}")
    return page


def rehearse(records: Sequence[CaseRecord], preprocessing: Mapping[str, Compose]) -> None:
    """Adds why to the records that cannot be preprocessed; tried are those with findings and the first of each section.

    Args:
        records: of all sections.
        preprocessing: by section; a section without one is left out.
    """
    begun: set[str] = set()
    for record in records:
        section = record.case.section
        suspicious = any(found.kind not in COMPARED for found in record.findings)
        chain = preprocessing.get(section)
        if chain is None or record.unusable or (section in begun and not suspicious):
            continue
        begun.add(section)
        end = chain.get_index_of_first(lambda transform: isinstance(transform, RandomizableTrait))
        for item in record.case.items:
            try:
                chain(dict(item), end=end)
            except Exception as error:  # transforms raise whatever they meet
                record.findings.append(_refusal(record.case, reason(error).removeprefix(f"Case {item.get('case')}: ")))
                break


def _refusal(case: CaseFiles, message: str) -> Finding:
    files = (*case.images, *case.labels.values(), *case.annotators.values())
    file = next((file for file in files if message.startswith(f"{file}: ")), "")
    return Finding("refused", message.removeprefix(f"{file}: "), True, file)


class _Reading(Dataset):
    """Records of the cases, read one by one."""

    def __init__(
        self,
        cases: list[CaseFiles],
        meaning: LabelValues,
        channels: int,
        structures: Sequence[str],
        meanings: Mapping[str, Mapping[str, Any]] | None,
    ) -> None:
        self.cases, self.meaning, self.channels, self.structures = cases, meaning, channels, list(structures)
        self.meanings = meanings

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> CaseRecord:
        return examine_case(self.cases[index], self.meaning, self.channels, self.structures, self.meanings)


def _as_it_is(record: Any) -> Any:
    return record


def _case_row(record: CaseRecord, class_names: Sequence[str]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "section": record.case.section,
        "case": record.case.name,
        "usable": "no" if record.unusable else "yes",
        "findings": "; ".join(dict.fromkeys(found.kind for found in record.findings)),
        "image": " ".join(record.case.images),
        "shape": "x".join(map(str, record.shape)),
        "voxel_mm": "x".join(f"{side:g}" for side in record.voxel or ()),
        "lowest": record.lowest,
        "highest": record.highest,
        "annotators": " ".join(record.annotators),
    }
    if record.agreement:
        known = [dice for dice in record.agreement.values() if dice == dice]
        row["mean_agreement"] = sum(known) / len(known) if known else None
    unit = "mm3" if record.voxel else "pixels"
    labels: dict[str, LabelRecord] = record.labels | record.annotators
    for name, label in labels.items():
        for index, size in label.sizes.items():
            what = class_names[index] if index < len(class_names) else index
            row[f"{name}_{what}_{unit}"] = round(size * record.unit, 3)
    return row


def _finding_row(record: CaseRecord, found: Finding) -> dict[str, Any]:
    return {
        "section": record.case.section,
        "case": record.case.name,
        "finding": found.kind,
        "usable": "no" if found.unusable else "yes",
        "file": found.file,
        "message": found.message,
    }
