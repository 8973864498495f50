"""What is known of a case once its files were read, and what shows only when all cases were."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from monai.data import MetaTensor

from common.checking.collect import CaseFiles, LoadedCase, read_case
from common.datasets.case_names import names_alike_in_two_sections
from common.datasets.plan import Plan
from common.errors import shown_names
from common.io.checks import (
    NOT_LABELED,
    Finding,
    affine_finding,
    class_sizes,
    content_digest,
    duplicate_groups,
    extent_finding,
    form_finding,
    geometry_finding,
    image_findings,
    unit_finding,
    value_counts,
    voxel_size,
    voxel_volume,
)
from common.io.orientation import reoriented_finding
from common.metrics.agreement import pairwise_dice

__all__ = ["CaseRecord", "LabelRecord", "compare_cases", "examine_case"]


@dataclass(frozen=True)
class LabelRecord:
    """One label of a case.

    Attributes:
        sizes: voxels of each foreground class.
        total: voxels that were labeled.
    """

    sizes: dict[int, int]
    total: int


@dataclass
class CaseRecord:
    """One case as it was read.

    Attributes:
        shape: of the image, without channels; empty if it could not be read.
        channels: of all files of the image.
        voxel: mm along each axis of a volume; None of a picture.
        unit: volume of a voxel in mm³; 1 of a picture, so that volumes are numbers of pixels.
        lowest: finite intensity; None if there is none.
        highest: finite intensity.
        digest: of the image's content, if all of its files could be read.
        labels: by key of the item.
        annotators: by name.
        agreement: Dice of each pair of annotators.
        overlaps: of each pair, how many voxels that both labeled the first gives one class and the second another (or
            the same), by these two classes.
        findings: what is wrong.
    """

    case: CaseFiles
    shape: tuple[int, ...] = ()
    channels: int = 0
    voxel: tuple[float, ...] | None = None
    unit: float = 1.0
    lowest: float | None = None
    highest: float | None = None
    digest: str | None = None
    labels: dict[str, LabelRecord] = field(default_factory=dict)
    annotators: dict[str, LabelRecord] = field(default_factory=dict)
    agreement: dict[tuple[str, str], float] = field(default_factory=dict)
    overlaps: dict[tuple[str, str], dict[tuple[int, int], int]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def unusable(self) -> bool:
        """Training would fail at it."""
        return any(finding.unusable for finding in self.findings)


def examine_case(case: CaseFiles, plan: Plan) -> CaseRecord:
    """Reads a case and says what it is and what is wrong with it.

    Args:
        case: with its files.
        plan: says how many channels its image has, and what label values mean.
    """
    loaded = read_case(case, plan)
    record = CaseRecord(case, findings=list(loaded.findings))
    reference = next(iter(loaded.images.values()), None)
    for path, image in loaded.images.items():
        record.findings += image_findings(image, path)
        _note(record, form_finding(image, path))
        if isinstance(image, MetaTensor) and "reduced" in image.meta:
            record.findings.append(Finding("colors", str(image.meta["reduced"]), False, path))
        _note(record, affine_finding(image, path))
        _note(record, unit_finding(image, path))
        if reference is not None and image is not reference:
            _note(record, reoriented_finding(image, path))
            _note(record, geometry_finding(reference, image, path))
    if reference is not None:
        _describe(record, loaded)
        if record.digest and record.channels != plan.channels:
            message = f"its image has {record.channels} channels where {plan.channels} is expected"
            record.findings.append(Finding("shape", message, True, case.images[0]))
    for key, label in loaded.labels.items():
        record.labels[key] = _label(record, label, case.labels[key], plan.num_classes, reference)
        if key == "label" or "label" not in loaded.labels:
            _note(record, extent_finding(record.labels[key].sizes, record.labels[key].total, case.labels[key]))
    for who, label in loaded.annotators.items():
        record.annotators[who] = _label(record, label, case.annotators.get(who, ""), plan.num_classes, reference)
    drawn = list(record.annotators.values())
    if drawn and not any(sum(label.sizes.values()) for label in drawn):
        record.findings.append(Finding("empty label", "no annotator labeled anything"))
    shapes = {label.shape for label in loaded.annotators.values()}
    if len(drawn) > 1 and len(shapes) == 1:
        names = list(loaded.annotators)
        maps = torch.stack([label.as_subclass(torch.Tensor).long() for label in loaded.annotators.values()])
        dice = pairwise_dice(maps)
        pairs = [(i, j) for i in range(len(names)) for j in range(i)]
        record.agreement = {(names[j], names[i]): float(dice[i, j]) for i, j in pairs}
        if plan.several_classes:
            record.overlaps = {(names[j], names[i]): _overlaps(maps[j], maps[i], plan.num_classes) for i, j in pairs}
        known = {name for name, label in record.annotators.items() if sum(label.sizes.values())}
        among = [value for pair, value in record.agreement.items() if known.issuperset(pair)]
        if among and not any(among):
            record.findings.append(Finding("no agreement", "its annotators agree in no voxel of any structure"))
    record.findings = list(dict.fromkeys(record.findings))  # of a file that is two labels
    return record


def compare_cases(records: Sequence[CaseRecord]) -> None:
    """Adds to the records what shows only among all of them: the same content twice, and images unlike most others.

    Args:
        records: of all sections.
    """
    for group in duplicate_groups([record.digest for record in records]):
        members = [records[position] for position in group]
        for record in members:
            others = [other.case for other in members if other is not record]
            apart = [other for other in others if other.section != record.case.section]
            kind = "in two sections" if apart else "duplicate"
            shown = shown_names((f"{other.name} ({other.section})" for other in apart or others), 3)
            record.findings.append(Finding(kind, f"its image has the content of {shown}"))
    _compare_names(records)
    readable = [record for record in records if record.digest]
    usual = Counter(len(record.shape) for record in readable).most_common(1)
    for record in readable:
        if len(record.shape) != usual[0][0]:
            message = f"its image has {len(record.shape)} axes where most have {usual[0][0]}"
            record.findings.append(Finding("shape", message, True, record.case.images[0]))


def _compare_names(records: Sequence[CaseRecord]) -> None:
    """Adds to cases that count as subjects of their own, and may be of one patient, that they are in two sections."""
    by_name: dict[str, CaseRecord] = {}
    names: dict[str, list[str]] = defaultdict(list)
    for record in records:
        item = record.case.items[0] if record.case.items else {}
        if item.get("subject", record.case.name) == record.case.name:
            names[record.case.section].append(record.case.name)
            by_name[record.case.name] = record
    for first, section, second, other in names_alike_in_two_sections(names):
        message = f"its name begins as that of {second} ({other}); if they are of one patient, give a subject_pattern"
        by_name[first].findings.append(Finding("names alike", message))
        message = f"its name begins as that of {first} ({section}); if they are of one patient, give a subject_pattern"
        by_name[second].findings.append(Finding("names alike", message))


def _describe(record: CaseRecord, loaded: LoadedCase) -> None:
    images = list(loaded.images.values())
    first = images[0]
    record.shape = tuple(first.shape[1:])
    record.channels = sum(len(image) for image in images)
    if first.ndim == 4:
        record.voxel = tuple(voxel_size(first))
        record.unit = voxel_volume(first.affine, 3) if isinstance(first, MetaTensor) else 1.0
    finite = [image[torch.isfinite(image)] for image in images]
    record.lowest = min((float(values.min()) for values in finite if values.numel()), default=None)
    record.highest = max((float(values.max()) for values in finite if values.numel()), default=None)
    if len(images) == len(record.case.images):
        record.digest = "".join(content_digest(image) for image in images)


def _overlaps(first: torch.Tensor, second: torch.Tensor, num_classes: int) -> dict[tuple[int, int], int]:
    """How many voxels have these two classes, of those that both have labeled."""
    both = (first >= 0) & (second >= 0)
    counts = torch.bincount(first[both] * num_classes + second[both])
    return {divmod(int(code), num_classes): int(counts[code]) for code in counts.nonzero()[:, 0]}


def _label(
    record: CaseRecord, label: torch.Tensor, path: str, num_classes: int, reference: torch.Tensor | None
) -> LabelRecord:
    if reference is not None:
        _note(record, reoriented_finding(label, path))
        _note(record, geometry_finding(reference, label, path))
    _note(record, form_finding(label, path))
    counts = value_counts(label)
    total = sum(count for value, count in counts.items() if value != NOT_LABELED)
    return LabelRecord(class_sizes(counts, num_classes), total)


def _note(record: CaseRecord, finding: Finding | None) -> None:
    if finding is not None:
        record.findings.append(finding)
