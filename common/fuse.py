"""The consensus of annotators' labels, of one image or of a whole data set, and how each annotator compares with it.

python -m common.fuse --labels r1.nii.gz r2.nii.gz r3.nii.gz --method staple --output consensus.nii.gz
python -m common.fuse --labels AR/ HS/ SG/ --method staple --output consensus/
python -m common.fuse --dataset_dir /data/mine --method staple --output consensus/
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch

from common.consensus.datalist import write_datalist
from common.consensus.page import annotator_rows, write_tables
from common.consensus.run import fuse_cases
from common.consensus.settings import make_settings, names_of_values
from common.consensus.sources import FusionCase, Sources, dataset_cases, folder_cases, with_images
from common.consensus.summary import summarize_annotators
from common.consensus.tool_files import image_fault, write_for_tool
from common.consensus.writing import probability_maps, write_consensus, written_values
from common.errors import InputError, counted, show_input_errors
from common.formats.save_result import OUTPUT_FORMATS, check_output_format
from common.fusion.patterns import is_disputed
from common.io.checks import geometry_finding
from common.io.formats import IMAGE_SUFFIXES, NIFTI_SUFFIXES, is_picture, suffix_of
from common.io.label_inference import infer_annotator_meanings
from common.io.label_meaning import observe_label, read_label
from common.io.writers import result_suffix
from common.transforms.fuse_annotators import Consensus, fuse_annotators

MOST_CLASSES = 256  # more distinct values than that are an image, not a label


def fuse(
    labels: str | Sequence[str] | None = None,
    output: str | None = None,
    method: str = "staple",
    probabilities: str | None = None,
    ignore_value: int | None = None,
    dataset_dir: str | None = None,
    layout: str | None = None,
    annotators: Sequence[str] | None = None,
    region: str = "all",
    processes: int | None = None,
    class_values: Any = None,
    output_format: str | None = None,
    images: str | None = None,
    **options: Any,
) -> None:
    """Writes the consensus of annotators' labels and prints their sensitivities and confusion matrices.

    Values are understood as by the bundles (`infer_annotator_meanings`): masks of 0 and any other value, also of
    another one for each annotator, class indices, palettes by index; 0 is the background, and −1 is not labeled. The
    consensus has the values of the first file, in its geometry; of equally probable classes it has the smallest, and
    how often that decided is said. With ``--method mean`` it is the mean label instead, a map like that of
    ``probabilities``. Where nobody labeled both are −1.

    Of a data set, or of a folder for each annotator, ``output`` is a folder with ``labels/CASE`` (of the mean
    ``probabilities/CASE``) in the format and grid of each case's first label, and with ``annotators.csv``,
    ``annotators.json`` and the page ``annotators.html``. Where nobody labeled it has
    the ignored value of the first annotator, or −1. Cases that were finished before from the same files with the same
    options are kept. A case that fails is named and the others go on; the command then ends with exit code 1.

    Args:
        labels: two or more files of one image, all pictures or all volumes, one for each annotator; or two or more
            folders, one for each annotator, with files of the same names.
        output: file in the format of the first label; of pictures PNG. Of a data set a folder.
        method: mean, majority, staple or spatial_staple.
        probabilities: a file for the foreground's probability; of several classes, all of them in the fourth dimension.
            Of one image only.
        ignore_value: value of what was not labeled, such as 255.
        dataset_dir: folder of a data set in any layout that has several annotators, in place of ``labels``.
        layout: its layout; by default it is recognized.
        annotators: of the data set, where only some are wanted.
        region: all, or disputed: STAPLE is estimated, and annotators are compared, where annotators differ.
        processes: of a data set, each with one case in memory; by default one for each core and 8 cases.
        class_values: value of each class by name, where they cannot be found out.
        output_format: writes the consensus once more, for the tool that corrects it: seg.nrrd (3D Slicer), dicom_seg
            (of DICOM series) or label_studio (of pictures); of a data set into ``tool_files/``, else beside ``output``.
        images: folder of the images ``CASE``, or of folders of DICOM series, on which ``output_format`` lays the
            consensus; by default those of the data set. Of one image its file, or the folder of its series.
        **options: of staple (``--prior --tolerance --max_iterations``), and of spatial_staple (``--half_window
            --global_weight`` too).

    Raises:
        InputError: if a file is no label, files do not match, an argument is out of range, or cases failed.
    """
    if output is None:
        raise InputError("output: expected a file, or of a data set a folder, to write the consensus to, got none.")
    if (labels is None) == (dataset_dir is None):
        raise InputError("labels and dataset_dir: expected one of the two, got " + ("none." if not labels else "both."))
    folders = [] if labels is None else [name for name in _names(labels) if os.path.isdir(name)]
    if dataset_dir is None and not folders:
        given = {"layout": layout, "annotators": annotators, "processes": processes}
        for name, value in given.items():
            if value is not None:
                raise InputError(f"{name}: expected it with dataset_dir, got it with label files.")
        shown = output_format, images
        _fuse_files(str(output), labels, method, probabilities, ignore_value, class_values, region, options, shown)
        return
    if probabilities is not None:
        raise InputError("probabilities: expected the labels of one image; of a data set --method mean writes them.")
    if dataset_dir is not None:
        sources = dataset_cases(dataset_dir, layout, annotators=annotators)
    elif len(folders) < len(_names(labels)):
        strange = next(name for name in _names(labels) if name not in folders)
        raise InputError(f"{strange}: expected a folder as {folders[0]} is.")
    else:
        sources = folder_cases(folders)
    if images is not None:
        sources = with_images(sources, str(images))
    said = {"ignore_value": ignore_value, "class_values": class_values, "output_format": output_format}
    _fuse_set(sources, Path(str(output)), method, region, processes, options, said)


def _fuse_set(
    sources: Sources,
    output: Path,
    method: str,
    region: str,
    processes: int | None,
    options: dict[str, Any],
    said: dict[str, Any],
) -> None:
    folder = output.expanduser().absolute()
    for root in sources.roots:
        if folder.resolve() == root.resolve() or root.resolve() in folder.resolve().parents:
            raise InputError(f"{output}: expected a folder outside of {root}, whose labels would be mixed with these.")
        if folder.resolve() in root.resolve().parents and (root.name in ("labels", "probabilities", "cases")):
            raise InputError(f"{output}: expected a new folder, got that of the labels {root}.")
    settings, notes = make_settings(sources, folder, method, region, options, **said)
    notes = (*sources.notes, *notes)
    print("\n".join(notes))
    outcome = fuse_cases(sources.cases, settings, processes)
    if outcome.kept:
        print(f"Finished before and kept: {counted(outcome.kept, 'case')}.")
    if outcome.records:
        troubles = write_tables(outcome, sources.cases, settings, notes)
        summaries = summarize_annotators(outcome.records, settings.annotators, len(settings.values))
        rows = annotator_rows(summaries, settings.class_names, "", "")
        shown = ("annotator", "says", "cases", "sensitivity", "specificity", "volume_bias", "border_shift")
        print(_table([{name: row[name] for name in shown} for row in rows]))
        print("\n".join(troubles))
        datalist = write_datalist(outcome, sources, settings)
        page = Path(output, "annotators.html")
        print(f"{counted(len(outcome.records), 'case')} in {output}; {page} compares the annotators.")
        if datalist is not None:
            ignored = f" --ignore_value {settings.ignore}" if settings.ignore != -1 else ""
            print(f"Train with: --dataset_dir {shlex.quote(str(datalist))}{ignored}")
    if outcome.failed:
        listed = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in outcome.failed.items())
        raise InputError(f"{len(outcome.failed)} of {len(sources.cases)} cases could not be fused: {listed}.")


def _fuse_files(
    output: str,
    labels: Any,
    method: str,
    probabilities: str | None,
    ignore_value: int | None,
    class_values: Any,
    region: str,
    options: dict[str, Any],
    shown: tuple[str | None, str | None],
) -> None:
    """One image, of which every annotator has a file."""
    paths = _paths(labels)
    targets = [Path(str(target)) for target in (output, probabilities) if target is not None]
    output_format, image = shown
    check_output_format(output_format)
    if output_format is not None and method == "mean":
        raise InputError(f"output_format: expected a method that gives labels to write as {output_format}, got mean.")
    one = FusionCase(targets[0].name, {str(path): str(path) for path in paths}, tool_image=str(image or ""))
    if fault := image_fault(one, output_format):
        raise InputError(f"output_format: {fault}.")
    for target in targets:
        if suffix_of(target) not in _suffixes(paths[0]):
            raise InputError(f"{target}: expected a name that ends with {' or '.join(_suffixes(paths[0]))}.")
        if target.resolve() in [path.resolve() for path in paths]:
            raise InputError(f"{target}: expected a new file, got one of the labels.")

    said = {"ignore_value": ignore_value, "class_values": class_values}
    meanings, notes = infer_annotator_meanings({str(path): [observe_label(path)] for path in paths}, **said)
    labels_read = [read_label(path, meanings[str(path)]) for path in paths]
    for path, label in zip(paths, labels_read, strict=True):
        finding = geometry_finding(labels_read[0], label)
        if finding is not None and finding.unusable:
            raise InputError(f"{path}: {finding.message.replace('the image', str(paths[0]))}.")
    values = written_values(meanings[str(paths[0])])
    if len(values) > MOST_CLASSES:
        raise InputError(
            f"{paths[0]} and the others: expected at most {MOST_CLASSES} classes, got {len(values)} values from "
            f"{values[0]} to {values[-1]}."
        )
    if len(values) > 2 and is_picture(paths[0]) and (probabilities is not None or method == "mean"):
        raise InputError(f"probabilities: expected volumes to write those of {len(values)} classes, got pictures.")
    if len({meaning.values and tuple(meaning.values.items()) for meaning in meanings.values()}) > 1:
        print("\n".join(notes))

    stacked = np.stack([label[0].numpy().astype(np.int16) for label in labels_read])
    consensus = fuse_annotators(torch.from_numpy(stacked), method, len(values), options, region)
    counted = stacked
    if region == "disputed":
        counted = np.where(is_disputed(torch.from_numpy(stacked)).numpy(), stacked, -1)
    print(_table(performance_rows(counted, consensus, values, [str(path) for path in paths])))
    if consensus.ties:
        print(f"{consensus.ties} voxels with several equally probable classes got the smallest, background first.")
    if not consensus.converged:
        print(f"{method} did not converge; --max_iterations allows more iterations.", file=sys.stderr)

    fused = np.where(consensus.labels < 0, -1, values[consensus.labels])
    maps = probability_maps(consensus.probabilities)
    if output_format is not None:
        drawn = str(targets[0])[: -len(suffix_of(targets[0]))] + OUTPUT_FORMATS[output_format]
        names = [names_of_values(class_values).get(int(value), str(value)) for value in values]
        write_for_tool(drawn, output_format, consensus.labels.numpy(), one, names, method)
    write_consensus(targets[0], maps if method == "mean" else fused, paths[0])
    if probabilities is not None:
        write_consensus(targets[1], maps, paths[0])


def performance_rows(
    labels: np.ndarray, consensus: Consensus, values: Sequence[int] | np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """How each annotator compares with the consensus, class by class, over the voxels that the annotator labeled.

        sensitivity = p(says c | truth c),   specificity = p(does not say c | truth is not c)

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        consensus: of these labels.
        values: name of each class, L.
        names: of each annotator, R.

    Returns:
        A row for each annotator and class: ``annotator``, ``says`` (the class), ``truth <class>`` for each class (a row
        of the confusion matrix), ``sensitivity`` and ``specificity``; None where there is nothing to estimate from.

    Example:
        >>> labels = torch.tensor([[1, 1, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0]])
        >>> row = performance_rows(labels.numpy(), fuse_annotators(labels, "majority"), [0, 1], "abc")[3]
        >>> row["annotator"], row["says"], row["truth 1"], row["sensitivity"], row["specificity"]
        ('b', 1, 0.5, 0.5, 1.0)
    """
    rows = []
    for name, label, matrix in zip(names, torch.as_tensor(labels), consensus.confusion, strict=True):
        mass = (consensus.probabilities * (label >= 0)).flatten(1).sum(1)
        for one, value in enumerate(values):
            others = mass.clone()
            others[one] = 0
            rows.append(
                {
                    "annotator": name,
                    "says": int(value),
                    **{
                        f"truth {truth}": float(matrix[one, column]) if mass[column] else None
                        for column, truth in enumerate(values)
                    },
                    "sensitivity": float(matrix[one, one]) if mass[one] else None,
                    "specificity": 1 - float(matrix[one] @ others / others.sum()) if others.any() else None,
                }
            )
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    """Aligned text of rows that have the same keys."""

    def shown(value: Any) -> str:
        return "–" if value is None else f"{value:.4f}" if isinstance(value, float) else str(value)

    cells = [list(rows[0]), *([shown(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) if place else cell.ljust(width) for place, (cell, width) in enumerate(line))
        for line in (list(zip(row, widths, strict=True)) for row in cells)
    )


def _paths(labels: str | Sequence[str]) -> list[Path]:
    paths = [Path(name) for name in _names(labels)]
    if len(paths) < 2:
        raise InputError(f"labels: expected the files of at least two annotators, got {', '.join(map(str, paths))}.")
    for path in paths:
        if _kind(path) != _kind(paths[0]):
            raise InputError(f"{path}: expected a {_kind(paths[0])} as {paths[0]} is, got a {_kind(path)}.")
    return paths


def _names(labels: Any) -> list[str]:
    """What was given, a list or a text with commas, as a list."""
    if not isinstance(labels, list | tuple):
        text = str(labels)
        labels = [text] if os.path.exists(text) else text.split(",")
    return [str(name).strip() for name in labels]


def _kind(path: Path) -> str:
    if not suffix_of(path):
        raise InputError(f"{path}: expected a name that ends with one of {', '.join(IMAGE_SUFFIXES)}.")
    return "picture" if is_picture(path) else "volume"


def _suffixes(source: Path) -> tuple[str, ...]:
    """What the consensus of such labels may end with."""
    suffix = result_suffix(source)
    return NIFTI_SUFFIXES if suffix in NIFTI_SUFFIXES else (suffix,)


def _with_lists(arguments: Sequence[str], option: str) -> list[str]:
    """The values that follow an option as one, since fire takes one value for an option."""
    if option not in arguments:
        return list(arguments)
    start = list(arguments).index(option) + 1
    stop = next((place for place in range(start, len(arguments)) if arguments[place].startswith("--")), len(arguments))
    files = list(arguments[start:stop])
    return [*arguments[:start], *([str(files)] if len(files) > 1 else files), *arguments[stop:]]


if __name__ == "__main__":
    show_input_errors()
    fire.Fire(fuse, command=_with_lists(_with_lists(sys.argv[1:], "--labels"), "--annotators"))
