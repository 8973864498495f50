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
from common.checking.other_numbers import OTHER_NUMBERS, find_other_numbers
from common.checking.page import write_case_page
from common.checking.rare_values import ABSENT, RARE, find_absent_classes, find_rare_values
from common.datasets.plan import Plan
from common.errors import InputError, counted
from common.io.checks import Finding
from common.io.files import write_csv
from common.io.rounding import rounded

__all__ = ["check_cases"]

COMPARED = ("duplicate", "in two sections", "names alike", RARE, ABSENT, OTHER_NUMBERS)


def check_cases(
    sections: Mapping[str, Sequence[Mapping[str, Any]]],
    preprocessing: Mapping[str, Compose],
    output_dir: str | os.PathLike[str],
    plan: Plan,
    num_workers: int = 0,
    left_out: Sequence[tuple[str, str]] = (),
) -> Path:
    """Reads every case as it is stored, and writes what is wrong and what the labels look like.

    Every file is read on its own, so that one that is damaged hides nothing else. Cases with a finding, and the first
    of each section, also go through the preprocessing, up to its first random transform, to see if training would fail.

    Args:
        sections: datalist by name: training, validation and, where there is one, test.
        preprocessing: of training and validation, by section.
        output_dir: ``checking/`` is made in it with ``checking.html``, ``cases.csv`` (a row for every case) and
            ``findings.csv`` (a row for every finding), and ``left_out.csv``.
        plan: says how many channels an image has, what label values mean, and who are expected to have labeled.
        num_workers: processes that read.
        left_out: (path, reason) of files and folders of the data set that are not read, such as images without a label.

    Returns:
        The page.

    Raises:
        InputError: training would fail; how many cases cannot be used, and the first of them. What was written stays.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> from common.datasets.plan import example_plan
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     item = {"case": "a", "image": f"{folder}/image.png", "label": f"{folder}/label.png"}
        ...     Image.linear_gradient("L").save(item["image"])
        ...     Image.linear_gradient("L").point(lambda gray: 255 * (gray > 99)).save(item["label"])
        ...     page = check_cases({"training": [item]}, {}, folder, example_plan())  # doctest: +ELLIPSIS
        1 case checked, 0 worth a look, none that cannot be used: ...checking.html
    """
    cases = collect_cases({name: items for name, items in sections.items() if items})
    loader: DataLoader = DataLoader(
        _Reading(cases, plan), batch_size=None, num_workers=num_workers, collate_fn=_as_it_is
    )
    records = list(tqdm(loader, "Checking", unit="case", disable=None, leave=False))
    for record, case in zip(records, cases, strict=True):
        record.case = case  # a worker's copy would double the datalist
    compare_cases(records)
    find_rare_values(records, plan)
    find_absent_classes(records, plan)
    find_other_numbers(records, plan)
    try_preprocessing(records, preprocessing)

    folder = Path(output_dir) / "checking"
    write_csv(folder / "cases.csv", [_case_row(record, plan.class_names) for record in records])
    rows = [_finding_row(record, found) for record in records for found in record.findings]
    write_csv(folder / "findings.csv", rows, ("section", "case", "finding", "usable", "file", "message"))
    unread = [{"file": path, "reason": reason} for path, reason in left_out]
    write_csv(folder / "left_out.csv", unread, ("file", "reason"))
    files = [file for case in cases for file in (*case.images, *case.labels.values(), *case.annotators.values())]
    title = f"Data check of {Path(os.path.commonpath(files)).name}" if files else "Data check"
    page = write_case_page(folder / "checking.html", title, records, plan, left_out)
    unusable = [record for record in records if record.unusable]
    warned = sum(bool(record.findings) for record in records) - len(unusable)
    if unusable:
        first = next(found for found in unusable[0].findings if found.unusable)
        where = f"{first.file}: " if first.file else ""
        raise InputError(
            f"{len(unusable)} of {len(records)} cases cannot be used, see {page}; the first is {unusable[0].case.name} "
            f"({unusable[0].case.section}): {where}{first.message}."
        )
    also = f", {len(left_out)} files or folders left out" if left_out else ""
    print(f"{counted(len(records), 'case')} checked, {warned} worth a look, none that cannot be used{also}: {page}")
    return page


def try_preprocessing(records: Sequence[CaseRecord], preprocessing: Mapping[str, Compose]) -> None:
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

    def __init__(self, cases: list[CaseFiles], plan: Plan) -> None:
        self.cases, self.plan = cases, plan

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> CaseRecord:
        return examine_case(self.cases[index], self.plan)


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
            row[f"{name}_{what}_{unit}"] = rounded(size * record.unit, 3)
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
