"""The consensus of a case as a file of the tool in which it is corrected."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import common
from common.consensus.sources import FusionCase
from common.errors import InputError
from common.formats.dicom_seg_writing import Algorithm
from common.formats.save_result import OUTPUT_FORMATS, check_output_format, output_fault, write_in_format
from common.io.files import file_digest
from common.io.formats import read_header

__all__ = ["check_tool", "check_unedited", "image_fault", "shown_image", "tool_files", "write_for_tool"]

FOLDER = "tool_files"  # of the output


def tool_files(output: str | os.PathLike[str], case: FusionCase) -> dict[str, Path]:
    """Where the consensus of a case goes.

    Args:
        output: folder of the consensus.
        case: with its name.

    Returns:
        Path by format.

    Example:
        >>> tool_files("out", FusionCase("a", {"AR": "a.nii"}))["seg.nrrd"].as_posix()
        'out/tool_files/a.seg.nrrd'
    """
    return {name: Path(output, FOLDER, f"{case.name}{ending}") for name, ending in OUTPUT_FORMATS.items()}


def check_tool(output_format: str | None, method: str) -> None:
    """Refuses a format that a consensus cannot be written in, before anything is computed.

    Args:
        output_format: one of `OUTPUT_FORMATS`; None for none.
        method: of fusion.

    Raises:
        InputError: as `check_output_format`, or the method gives no labels.

    Example:
        >>> check_tool("label_studio", "staple")
    """
    check_output_format(output_format)
    if output_format is not None and method == "mean":
        raise InputError(f"output_format: expected a method that gives labels to write as {output_format}, got mean.")


def check_unedited(record: Path, paths: Sequence[Path]) -> None:
    """Refuses to replace what somebody has corrected in place.

    Args:
        record: of `fuse_case`, with the digest of the file that was written; of none there is nothing to compare.
        paths: of the files that may be there.

    Raises:
        InputError: one of them is not as it was written.
    """
    try:
        written = json.loads(record.read_text(encoding="utf-8")).get("tool_file")
    except (OSError, ValueError, AttributeError):
        return
    for path in paths:
        if written is not None and path.is_file() and file_digest(path) != written:
            raise InputError(
                f"{path}: expected the file that was written, got one that was edited since; move it away, or give "
                "another output."
            )


def shown_image(case: FusionCase) -> str:
    """The image that an annotator's tool shows; for the grid alone the first label does as well.

    Args:
        case: with its files.

    Returns:
        A file, of several channels the first, or the folder of a DICOM series.

    Example:
        >>> shown_image(FusionCase("a", {"AR": "AR/a.nii"}, ("images/a_0000.nii", "images/a_0001.nii")))
        'images/a_0000.nii'
    """
    return case.tool_image or next(iter((*case.image, *case.labels.values())))


def image_fault(case: FusionCase, output_format: str | None) -> str:
    """Why the consensus of a case cannot be written in a format.

    Args:
        case: with its files.
        output_format: of `Settings`.

    Returns:
        The reason; empty if it can be written.

    Raises:
        InputError: there is no such format.

    Example:
        >>> image_fault(FusionCase("a", {"AR": "a.png"}, ("images/a.png",)), "seg.nrrd")
        'images/a.png: its result cannot be written as seg.nrrd, which is for volumes'
    """
    if output_format is not None and not (case.tool_image or case.image) and output_format != "seg.nrrd":
        return f"there is no image of it, which {output_format} needs; --images names the folder of the images"
    fault = output_fault(shown_image(case), output_format)
    return f"{shown_image(case)}: {fault}" if fault else ""


def write_for_tool(
    path: str | os.PathLike[str],
    output_format: str,
    consensus: np.ndarray,
    case: FusionCase,
    class_names: Sequence[str],
    method: str,
) -> Path:
    """Writes a consensus as the file of an annotation tool, on the image that the tool shows.

    Args:
        path: to write, with the ending of the format.
        output_format: see `common.formats.write_in_format`.
        consensus: (*spatial) class indices on the grid of the first label, −1 where nobody labeled.
        case: with its image and labels.
        class_names: of all classes, background included.
        method: of fusion, which the file names as the algorithm.

    Returns:
        The file.

    Raises:
        InputError: as `common.formats.write_in_format`.
    """
    affine = read_header(next(iter(case.labels.values()))).affine
    made_by = Algorithm(method, common.__version__, automatic=False)
    names = dict(enumerate(class_names))
    stem = os.fspath(path).removesuffix(OUTPUT_FORMATS[output_format])
    return write_in_format(stem, output_format, consensus, affine, names, shown_image(case), made_by)
