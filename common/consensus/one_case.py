"""The consensus of one case: its file, and what the table of the annotators needs of it."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.consensus.sources import FusionCase
from common.consensus.tool_files import check_unedited, image_fault, shown_image, tool_files, write_for_tool
from common.consensus.writing import probability_maps, write_consensus
from common.errors import InputError
from common.fusion.pattern_consensus import PatternConsensus, fuse_patterns
from common.fusion.patterns import distinct_patterns, is_disputed, is_overruled
from common.io.checks import geometry_finding, voxel_size
from common.io.files import file_digest, whole_file, writing
from common.io.formats import is_picture
from common.io.label_meaning import LabelMeaning, read_label
from common.io.orientation import reoriented
from common.io.writers import result_suffix, voxel_mm3
from common.metrics.signed_border import border_shift
from common.transforms.fuse_annotators import fuse_annotators

__all__ = ["Settings", "finished_record", "fuse_case", "read_annotators"]

VERSION = 2  # of a record
FEW_DISPUTED = 0.01  # of the labeled voxels; below, agreed background decides STAPLE's estimate


@dataclass(frozen=True)
class Settings:
    """What is the same for all cases of a data set.

    Attributes:
        output: folder to write into.
        method: of fusion.
        region: ``all`` or ``disputed``.
        options: of the method.
        annotators: names of all.
        meanings: of each annotator's values, as JSON.
        values: what is written for each class.
        class_names: of the classes.
        ignore: what is written where nobody labeled.
        output_format: in which the consensus is written once more, see `common.formats.write_in_format`; None for none.

    Example:
        >>> meanings = dict.fromkeys(("AR", "HS"), LabelMeaning({0: 0, 255: 1}).to_json())
        >>> settings = Settings("out", "majority", "all", {}, ("AR", "HS"), meanings, (0, 255), ("air", "lesion"))
        >>> result_path(FusionCase("a", {"AR": "AR/a.png"}), settings).as_posix()
        'out/labels/a.png'
    """

    output: str
    method: str
    region: str
    options: dict[str, Any]
    annotators: tuple[str, ...]
    meanings: dict[str, dict[str, Any]]
    values: tuple[int, ...]
    class_names: tuple[str, ...]
    ignore: int = -1
    output_format: str | None = None


def result_path(case: FusionCase, settings: Settings) -> Path:
    """Where the consensus of a case goes: class values into ``labels``, the mean into ``probabilities``.

    Args:
        case: with its files.
        settings: of the data set.

    Returns:
        The path, in the format of the case's first label.
    """
    folder = "probabilities" if settings.method == "mean" else "labels"
    source = next(iter(case.labels.values()))
    return Path(settings.output, folder, f"{case.name}{result_suffix(source)}")


def record_path(case: FusionCase, settings: Settings) -> Path:
    """Where the numbers of a case go.

    Args:
        case: with its name.
        settings: of the data set.

    Returns:
        The path of a JSON file.
    """
    return Path(settings.output, "cases", f"{case.name}.json")


def case_key(case: FusionCase, settings: Settings) -> str:
    """A digest of all that a case's consensus depends on: its files by name, size and time, and the settings.

    Args:
        case: with its files.
        settings: of the data set; the folder does not count.

    Returns:
        Hexadecimal digits; of files that do not exist too.
    """
    files = [[name, path, *_state(path)] for name, path in case.labels.items()]
    content = [VERSION, case.name, files, {**asdict(settings), "output": None}]
    if settings.output_format is not None:
        image = Path(shown_image(case))
        content.append([[str(path), *_state(path)] for path in (image, *sorted(image.glob("*")))])  # slices of a series
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def _state(path: str | os.PathLike[str]) -> tuple[int | None, int | None]:
    """Size and time of a file, None of one that does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None, None
    return status.st_size, status.st_mtime_ns


def finished_record(case: FusionCase, settings: Settings) -> dict[str, Any] | None:
    """The record of a case that was fused before from the same files with the same settings.

    Args:
        case: with its files.
        settings: of the data set.

    Returns:
        The record; None if there is none, another one, or its consensus is gone.
    """
    try:
        record = json.loads(record_path(case, settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    same = isinstance(record, dict) and record.get("key") == case_key(case, settings)
    written = [result_path(case, settings)]
    if settings.output_format is not None:
        written.append(tool_files(settings.output, case)[settings.output_format])
    return record if same and all(path.is_file() for path in written) else None


def read_annotators(case: FusionCase, settings: Settings) -> tuple[np.ndarray, tuple[float, ...] | None]:
    """The annotators' labels of a case on one grid.

    Args:
        case: with its files.
        settings: of the data set.

    Returns:
        ``(R, *spatial)`` int16 in the order of the data set's annotators, −1 for those who did not label the case; mm
        along each axis, None of a picture.

    Raises:
        InputError: a file cannot be read or understood, or lies on another grid than the first.
    """
    first, stacked, first_path = None, None, ""
    rows = {name: row for row, name in enumerate(settings.annotators)}
    for name, path in case.labels.items():  # on the grid of its first file, in which the consensus is written
        if name not in rows:
            continue
        label = read_label(path, LabelMeaning.from_json(settings.meanings[name]))
        if first is None or stacked is None:
            first, first_path = label, path
            stacked = np.full((len(settings.annotators), *label.shape[1:]), -1, np.int16)
        else:
            if is_picture(path) != is_picture(first_path):
                raise InputError(f"{path}: expected a picture or a volume as {first_path} is, got another kind.")
            label = reoriented(label, first)
            finding = geometry_finding(first, label)
            if finding is not None and finding.unusable:
                raise InputError(f"{path}: {finding.message.replace('the image', first_path)}.")
        stacked[rows[name]] = label[0].numpy()
    if first is None or stacked is None:
        raise InputError("expected the label of an annotator, got none.")
    return stacked, None if is_picture(first_path) or stacked.ndim < 4 else tuple(voxel_size(first))


def fuse_case(case: FusionCase, settings: Settings) -> dict[str, Any]:
    """Writes the consensus of a case, then its record: without the record it does not count as finished.

    Args:
        case: with its files.
        settings: of the data set.

    Returns:
        The record: ``case``, ``annotators`` (present), ``spacing`` and ``voxel_mm3`` (None of a picture), ``patterns``
        and ``counts`` of the labels, ``joint`` (R, L, L), ``voxels`` (R, L, 2) of annotator and consensus where that
        annotator labeled, ``shift`` (R, L) in mm or pixels, ``disputed`` and ``marked`` voxels, ``ties``,
        ``overruled`` voxels (on whose class all annotators agree, and the consensus does not), ``converged``, ``empty``
        (annotators).

    Raises:
        InputError: a file cannot be read or written, labels cannot be fused, or there is a file in the place of the
            consensus that this command did not write.

    Example:
        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     labels = {name: f"{folder}/{name}.png" for name in ("AR", "HS", "SG")}
        ...     for name, value in zip(labels, (1, 1, 0), strict=True):
        ...         Image.new("L", (4, 3), value).save(labels[name])
        ...     meanings = dict.fromkeys(labels, LabelMeaning({0: 0, 1: 1}).to_json())
        ...     settings = Settings(folder, "majority", "all", {}, tuple(labels), meanings, (0, 1), ("air", "lesion"))
        ...     record = fuse_case(FusionCase("a", labels), settings)
        >>> record["voxels"][2][1]  # voxels that are lesion by SG, and by the consensus
        [0, 12]
    """
    _begin(case, settings)
    try:
        return _fuse(case, settings)
    except BaseException:
        by_methods = [result_path(case, replace(settings, method=method)) for method in ("mean", "majority")]
        if not any(path.exists() for path in (*by_methods, *tool_files(settings.output, case).values())):
            record_path(case, settings).unlink(missing_ok=True)  # nothing is left that it would describe
        raise


def _fuse(case: FusionCase, settings: Settings) -> dict[str, Any]:
    if fault := image_fault(case, settings.output_format):
        raise InputError(f"{fault}.")
    labels, spacing = read_annotators(case, settings)
    source = Path(next(iter(case.labels.values())))
    classes = len(settings.values)
    if settings.method == "mean" and classes > 2 and is_picture(source):
        raise InputError(f"{source}: expected volumes for the mean of {classes} classes, got a picture.")
    patterns, index, counts = distinct_patterns(torch.from_numpy(labels).flatten(1), classes)
    if settings.method == "spatial_staple":
        fused, consensus, maps = _by_voxels(labels, settings)
    else:
        fused = fuse_patterns(patterns, counts, classes, settings.method, settings.region, settings.options)
        consensus = fused.labels.to(torch.int16).index_select(0, index.int()).view(labels.shape[1:]).numpy()
        maps = None
        if settings.method == "mean":
            maps = fused.probabilities[:, index.long()].view(-1, *labels.shape[1:])
    if maps is not None and settings.method == "mean":
        array = probability_maps(maps)
    else:
        table = np.array([*settings.values, settings.ignore])  # −1 is the last
        array = table[consensus]
    write_consensus(result_path(case, settings), array, source)
    if settings.output_format is not None:
        drawn = tool_files(settings.output, case)[settings.output_format]
        try:
            write_for_tool(drawn, settings.output_format, consensus, case, settings.class_names, settings.method)
        except BaseException:
            result_path(case, settings).unlink()  # both or none
            raise
    occurring = counts > 0
    record = {
        "key": case_key(case, settings),
        "case": case.name,
        "annotators": [name for name in settings.annotators if name in case.labels],
        "spacing": spacing,
        "voxel_mm3": None if spacing is None else voxel_mm3(source),
        "patterns": patterns[occurring].tolist(),
        "counts": counts[occurring].tolist(),
        "joint": fused.joint.tolist(),
        **_sizes(patterns, counts, fused, consensus, labels, classes),
        "shift": _shifts(labels, consensus, spacing, classes),
        "ties": fused.ties,
        "converged": fused.converged,
    }
    if settings.output_format is not None:
        record["tool_file"] = file_digest(drawn)
    with whole_file(record_path(case, settings)) as partial:
        partial.write_text(json.dumps(record), encoding="utf-8")
    return record


def _begin(case: FusionCase, settings: Settings) -> None:
    """Removes what an earlier command wrote for the case; an empty record says that the consensus is this command's."""
    record = record_path(case, settings)
    results = [result_path(case, settings), *tool_files(settings.output, case).values()]
    for result in results:
        if result.exists() and not record.exists():
            raise InputError(
                f"{result}: expected no file or one that this command wrote, got another file; give another output."
            )
    check_unedited(record, results[1:])
    with whole_file(record) as partial:
        partial.write_text("{}", encoding="utf-8")
    for result in results:
        with writing(result):
            result.unlink(missing_ok=True)


def _by_voxels(labels: np.ndarray, settings: Settings) -> tuple[PatternConsensus, np.ndarray, torch.Tensor]:
    """Of a method whose answer at a voxel depends on its neighbors."""
    stacked = torch.from_numpy(labels)
    found = fuse_annotators(stacked, settings.method, len(settings.values), settings.options)
    mass = torch.stack([(found.probabilities * (one >= 0)).flatten(1).sum(1) for one in stacked])
    joint = found.confusion * mass[:, None]
    fused = PatternConsensus(found.labels, found.probabilities, joint, found.converged, found.ties)
    return fused, found.labels.numpy(), found.probabilities


def _sizes(
    patterns: torch.Tensor,
    counts: torch.Tensor,
    fused: PatternConsensus,
    consensus: np.ndarray,
    labels: np.ndarray,
    classes: int,
) -> dict[str, Any]:
    disputed = int(counts[is_disputed(patterns, 1)].sum())
    marked = int(counts[(patterns > 0).any(1)].sum())
    drawn = [[int(counts[patterns[:, row] == one].sum()) for one in range(classes)] for row in range(patterns.shape[1])]
    if len(fused.labels) == len(patterns) and fused.labels.ndim == 1:
        agreed = [
            [int(counts[(fused.labels == one) & (patterns[:, row] >= 0)].sum()) for one in range(classes)]
            for row in range(patterns.shape[1])
        ]
        overruled = int(counts[is_overruled(patterns.T, fused.labels)].sum())
    else:
        agreed = [[int(((consensus == one) & (label >= 0)).sum()) for one in range(classes)] for label in labels]
        overruled = int(is_overruled(torch.from_numpy(labels), torch.from_numpy(consensus)).sum())
    voxels = [[list(pair) for pair in zip(*rows, strict=True)] for rows in zip(drawn, agreed, strict=True)]
    present = (patterns >= 0)[counts > 0].any(0).tolist()
    empty = [row for row, here in enumerate(present) if here and not any(drawn[row][1:])]
    few = disputed < FEW_DISPUTED * int(counts[(patterns >= 0).any(1)].sum())
    return {
        "disputed": disputed,
        "marked": marked,
        "overruled": overruled,
        "voxels": voxels,
        "empty": empty if marked else [],
        "few_disputed": bool(few and disputed),
    }


def _shifts(
    labels: np.ndarray, consensus: np.ndarray, spacing: tuple[float, ...] | None, classes: int
) -> list[list[float | None]]:
    rows: list[list[float | None]] = []
    sides = spacing if spacing is not None else (1.0,) * consensus.ndim
    for label in labels:
        known = label >= 0
        everywhere = bool(known.all())
        row: list[float | None] = []
        for one in range(classes):
            shift = math.nan
            if one and known.any():
                shift = border_shift(label == one, consensus == one, sides, None if everywhere else known)
            row.append(None if math.isnan(shift) else shift)
        rows.append(row)
    return rows
