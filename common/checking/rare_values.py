"""Classes that hardly occur and nobody named, and classes that were named and do not occur."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from common.checking.examine import CaseRecord
from common.datasets.plan import Plan
from common.datasets.plan_classes import default_class_names
from common.io.checks import Finding

__all__ = ["find_absent_classes", "find_rare_values"]

RARE, ABSENT = "rare value", "absent class"
ENOUGH_CASES = 5  # from which on a value is rare that few of them have
FEW_CASES = 0.05  # of them, or one
FEW_VOXELS = 8  # of all labels together
SMALL_SHARE = 0.001  # of all that is labeled


class Drawn(NamedTuple):
    """The voxels of a class in one file; ``annotator`` is empty of a label that is nobody's."""

    record: CaseRecord
    annotator: str
    file: str
    class_index: int
    voxels: int


def find_rare_values(records: Sequence[CaseRecord], plan: Plan) -> None:
    """Adds a finding to the cases with a value that may be a stray one: it became a class, and hardly occurs.

    A value is rare that one case or 5 % of the cases have (of five and more), or that has 8 voxels in all labels
    together, or a thousandth of all that is labeled. Where the data set or the user names the classes nothing is said,
    nor where there is one class beside the background.

    Args:
        records: of all sections.
        plan: of the training, which says which class a value became.
    """
    if plan.binary or plan.class_names != default_class_names(plan.num_classes):
        return
    labeled = sum(bool(record.labels or record.annotators) for record in records)
    drawn = [one for record in records for one in _drawn(record)]
    everything = sum(one.voxels for one in drawn)
    for index in range(1, plan.num_classes):
        found = [one for one in drawn if one.class_index == index]
        cases, voxels = len({id(one.record) for one in found}), sum(one.voxels for one in found)
        in_few = labeled >= ENOUGH_CASES and cases <= max(1, FEW_CASES * labeled)
        if not in_few and voxels > max(FEW_VOXELS, SMALL_SHARE * everything):
            continue
        for one in found:
            message = (
                f"{_counted(one, one.voxels)} of the value {_value(plan, one)}, which was taken as the class "
                f"{plan.class_names[index]}, since nothing says what it means; {cases} of {labeled} cases have this "
                f"value, {_counted(one, voxels)} in all; if it is a mistake, give class_values or ignore_value"
            )
            one.record.findings.append(Finding(RARE, message, False, one.file))


def find_absent_classes(records: Sequence[CaseRecord], plan: Plan) -> None:
    """Adds a finding to the first training case for each class that no label of the training has.

    Args:
        records: of all sections.
        plan: of the training.
    """
    training = [record for record in records if record.case.section == "training"]
    unknown = any(record.unusable for record in training)  # what cannot be read may have the class
    if unknown or not any(record.labels or record.annotators for record in training):
        return
    drawn = {one.class_index for record in training for one in _drawn(record)}
    for index in sorted(set(range(1, plan.num_classes)) - drawn):
        message = f"no label of the training has {plan.class_names[index]}, class {index}, so that it cannot be learned"
        training[0].findings.append(Finding(ABSENT, message))


def _drawn(record: CaseRecord) -> list[Drawn]:
    """A file that is two labels counts once."""
    files = {record.case.labels.get(key, key): ("", label) for key, label in record.labels.items()}
    files |= {record.case.annotators.get(who, ""): (who, label) for who, label in record.annotators.items()}
    return [
        Drawn(record, who, file, index, size)
        for file, (who, label) in files.items()
        for index, size in label.sizes.items()
        if size
    ]


def _value(plan: Plan, drawn: Drawn) -> str:
    meaning = plan.labels.get(drawn.annotator) or plan.labels.get("", {})
    values = meaning.get("values") or meaning.get("colors") or {}
    return " or ".join(str(value) for value, index in values.items() if index == drawn.class_index)


def _counted(drawn: Drawn, count: int) -> str:
    return f"{count} {'voxel' if drawn.record.voxel else 'pixel'}{'s' * (count != 1)}"
