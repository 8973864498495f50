"""Suspicious labels as files of the tool in which they are corrected, with what is likely to be wrong about them.

A voxel is marked where it is more probable than not that the label is false, 1 − r_y > 1/2 in `truth_given_label`:
`MISSING` where the background is labeled, `TOO_MUCH` where a structure is. A voxel of another structure than the
labeled one is too much of that one. The label itself stays as it was drawn, below these marks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

import common
from common.audit.inputs import LoadedCase
from common.audit.truth import truth_given_label
from common.consensus.sources import FusionCase
from common.consensus.tool_files import image_fault, shown_image, tool_files
from common.errors import InputError, reason_of
from common.formats.dicom_seg_writing import Algorithm
from common.formats.save_result import OUTPUT_FORMATS, check_output_format, write_in_format
from common.formats.segments import MARK
from common.io.files import file_digest, whole_file

__all__ = ["MISSING", "TOO_MUCH", "false_regions", "tool_faults", "write_suspicious"]

MISSING, TOO_MUCH = f"{MARK}missing", f"{MARK}too much"
LIKELY = 0.5  # the probability of a false label above which a voxel is marked
WRITTEN = "tool_files.json"  # what was written: file → digest


def false_regions(label: np.ndarray, false_label: np.ndarray) -> dict[str, np.ndarray]:
    """Where a label is more probably false than right.

    Args:
        label: ``(*spatial)`` integers, 0 is the background, −1 not labeled.
        false_label: ``(*spatial)`` probability of a false label, see `truth_given_label`.

    Returns:
        Name → bool ``(*spatial)``, of those that are not empty.

    Example:
        >>> found = false_regions(np.array([0, 1, 1]), np.array([0.9, 0.8, 0.5]))
        >>> {name: mask.tolist() for name, mask in found.items()}
        {'audit: missing': [True, False, False], 'audit: too much': [False, True, False]}
    """
    wrong = false_label > LIKELY
    regions = {MISSING: wrong & (label == 0), TOO_MUCH: wrong & (label > 0)}
    return {name: mask for name, mask in regions.items() if mask.any()}


def tool_faults(labels: Mapping[str, Path], images: Mapping[str, Path], output_format: str | None) -> dict[str, str]:
    """Why labels cannot be written in a format; to be asked before anything is computed.

    Args:
        labels: label file of each case.
        images: that the tool shows, of the cases that have one.
        output_format: see `common.formats.output_fault`; None for none.

    Returns:
        Reason by case; cases that can be written do not occur.

    Raises:
        InputError: there is no such format, its library is not installed, or no case can be written.

    Example:
        >>> tool_faults({"a": Path("a.nii"), "b": Path("b.png")}, {}, "seg.nrrd")
        {'b': 'b.png: its result cannot be written as seg.nrrd, which is for volumes'}
    """
    check_output_format(output_format)
    faults = {case: image_fault(_shown(case, path, images), output_format) for case, path in labels.items()}
    faults = {case: fault for case, fault in faults.items() if fault}
    if labels and len(faults) == len(labels):
        raise InputError(f"output_format: {next(iter(faults))} and all other cases: {next(iter(faults.values()))}.")
    return faults


def write_suspicious(
    output: Path,
    cases: Sequence[str],
    load: Callable[[str], LoadedCase],
    labels: Mapping[str, Path],
    images: Mapping[str, Path],
    border_mm: float,
    class_names: Sequence[str],
    output_format: str,
) -> dict[str, str]:
    """Writes ``tool_files/CASE`` for each suspicious label, and takes away those of an earlier audit.

    Args:
        output: folder of the audit.
        cases: whose labels are suspicious.
        load: reads a case.
        labels: label file of each case.
        images: that the tool shows.
        border_mm: the usual deviation of a border in mm.
        class_names: from class 0 on; empty for numbers.
        output_format: see `common.formats.write_in_format`.

    Returns:
        Why a case was not written, by case. A file that was edited since it was written is kept.
    """
    kept = _written(output)
    for name, digest in list(kept.items()):
        path = output / name
        if path.is_file() and file_digest(path) == digest:
            path.unlink()
    made_by, written, failed = Algorithm("audit", common.__version__, automatic=False), {}, {}
    for case in cases:
        shown = _shown(case, labels[case], images)
        target = tool_files(output, shown)[output_format]
        try:
            if fault := image_fault(shown, output_format):
                raise InputError(fault)
            if target.exists():
                raise InputError(f"{target} is kept, since it was edited after it was written; move it away")
            loaded = load(case)
            truth = truth_given_label(loaded.label, loaded.probabilities, loaded.spacing, border_mm)
            marks = false_regions(loaded.label, truth.false_label)
            numbered = range(1, len(loaded.probabilities))
            names = {index: class_names[index] if class_names else str(index) for index in numbered}
            stem = os.fspath(target).removesuffix(OUTPUT_FORMATS[output_format])
            place = loaded.label, loaded.affine, names, shown_image(shown)
            write_in_format(stem, output_format, *place, None, marks, made_by)
            written[target.relative_to(output).as_posix()] = file_digest(target)
        except Exception as error:  # decoders of damaged files raise whatever they meet
            failed[case] = reason_of(error)
    with whole_file(output / WRITTEN) as partial:
        partial.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    return failed


def _shown(case: str, label: Path, images: Mapping[str, Path]) -> FusionCase:
    return FusionCase(case, {"": str(label)}, tool_image=str(images.get(case, "")))


def _written(output: Path) -> dict[str, str]:
    try:
        content = json.loads((output / WRITTEN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
