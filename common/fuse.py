"""The consensus of annotators' labels, of one image or of a whole data set, and how each annotator compares with it."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch

from common.command import REQUIRED, listed, run_command
from common.consensus.datalist import write_datalist
from common.consensus.one_case import FEW_DISPUTED, Settings
from common.consensus.page import annotator_rows, write_tables
from common.consensus.run import fuse_cases, other_cases, require_one_method
from common.consensus.settings import make_settings, unlabeled_value, value_names
from common.consensus.sources import FusionCase, Sources, dataset_cases, folder_cases, with_images
from common.consensus.summary import summarize_annotators, trouble_sentences
from common.consensus.tool_files import check_tool, image_fault, write_for_tool
from common.consensus.writing import probability_maps, write_consensus, written_values
from common.errors import InputError, counted
from common.formats.save_result import OUTPUT_FORMATS
from common.fusion.patterns import is_disputed, is_overruled
from common.io.annotator_meanings import infer_annotator_meanings
from common.io.checks import geometry_finding
from common.io.files import check_writable
from common.io.folder_lock import locked_folder
from common.io.formats import IMAGE_SUFFIXES, NIFTI_SUFFIXES, is_picture, suffix_of
from common.io.label_meaning import observe_label, read_label
from common.io.orientation import reoriented
from common.io.writers import result_suffix
from common.transforms.fuse_annotators import Consensus, fuse_annotators

MOST_CLASSES = 256  # more distinct values than that are an image, not a label


def fuse(
    labels: str | Sequence[str] | None = None,
    output: Annotated[str | None, REQUIRED] = None,
    method: str = "staple",
    probabilities: str | None = None,
    ignore_value: int | str | None = None,
    dataset_dir: str | None = None,
    layout: str | None = None,
    annotators: str | Sequence[str] | None = None,
    region: str = "all",
    processes: int | None = None,
    class_values: Any = None,
    prior: Sequence[float] | None = None,
    tolerance: float | None = None,
    max_iterations: int | None = None,
    half_window: int | Sequence[int] | None = None,
    global_weight: float | None = None,
    output_format: str | None = None,
    images: str | None = None,
    label_threshold: float | None = None,
    class_colors: Any = None,
    modalities: str | Sequence[str] | None = None,
) -> None:
    """Fuses the labels of several annotators into one, and compares each annotator with it.

    It takes the label files of one image, a folder of label files for each annotator, or a data set. 0 is the
    background, and −1 means not labeled. Masks may have any other value for the object, even a different one for each
    annotator; the consensus has the values of the first annotator. Among equally probable classes, the one with the
    smallest index is taken.

    For one image, the sensitivity, specificity and confusion matrix of each annotator are printed. For several images,
    the output folder gets ``labels/CASE`` (with ``--method mean`` ``probabilities/CASE``) in the format and grid of the
    case's first label, and ``annotators.csv``, ``annotators.json`` and the page ``annotators.html``. Cases that were
    already finished, from the same files with the same options, are kept. A case that cannot be fused is reported, and
    the others are fused.

    Args:
        labels: the label files of one image, one for each of two or more annotators, all pictures or all volumes; or a
            folder for each of two or more annotators, in which the files of a case have the same name.
        output: for one image, the file to write, in the format of the first label (PNG for pictures); otherwise a
            folder.
        method: mean (the share of annotators for each class, a probability map), majority, staple or spatial_staple.
        probabilities: for one image, a file that gets the probability of the foreground; with more than two classes it
            gets the probabilities of all classes, along the fourth dimension.
        ignore_value: value in the label files that means not labeled, such as 255; of colored labels a color.
        dataset_dir: folder of a data set with several annotators, instead of ``--labels``.
        layout: layout of the data set; by default it is recognized.
        annotators: names of the annotators of the data set that are fused; by default all.
        region: all, or disputed: STAPLE is run and annotators are compared only on voxels on which annotators differ.
        processes: number of cases that are fused at a time, each in memory; by default the number of cores, but at most
            one for every 8 cases.
        class_values: value of each class in the label files, by name, such as ``"{'background': 0, 'tumor': 255}"``; by
            default it is derived from the label files. Under the name of an annotator whose values differ stands a
            mapping of its own: ``"{'tumor': 255, 'AR': {'tumor': 1}}"``. So also in ``--class_colors``.
        prior: for staple and spatial_staple: prior probability of each class, in the order of their values; by default
            the share of the class in all labels, for spatial_staple in those near each voxel.
        tolerance: for staple and spatial_staple: they end when nothing changes by more than this, no entry of the
            confusion matrices for staple, no probability for spatial_staple; by default 1e-7 and 1e-4.
        max_iterations: for staple and spatial_staple: they end after this number of iterations at the latest; by
            default 1000 for staple and 100 for spatial_staple.
        half_window: for spatial_staple: how many voxels the window around a voxel reaches to each side, one number or
            one for each axis; by default 5.
        global_weight: for spatial_staple: weight of the confusion matrix of the whole image, as a share of the voxels
            in the window; by default 0.2.
        output_format: also write the consensus in the format of the tool in which it is corrected: seg.nrrd (3D
            Slicer), dicom_seg (for DICOM series) or label_studio (for pictures). With several images it is in
            ``tool_files/``, otherwise beside the output.
        images: folder of the images, or of folders with DICOM series, whose grid the files of ``--output_format`` get;
            for one image, its file or the folder of its series; by default the images of the data set.
        label_threshold: value in gray masks, such as masks with smoothed borders, above which a pixel is foreground.
        class_colors: color of each class in colored label pictures, by name, such as ``"{'tumor': '#ff0000'}"``; the
            consensus has the numbers of the classes.
        modalities: of a BIDS data set with images of several kinds, those that are the channels, such as T1w.

    Raises:
        InputError: if a file is no label, files do not match, an argument is out of range, or cases failed.

    Example:
        A data set, a folder for each annotator, and one image:

            python -m common.fuse --dataset_dir /data/mine --output /data/consensus
            python -m common.fuse --labels AR/ HS/ SG/ --method majority --output consensus/
            python -m common.fuse --labels a1.nii.gz a2.nii.gz --output consensus.nii.gz
    """
    method_options = {
        "prior": prior,
        "tolerance": tolerance,
        "max_iterations": max_iterations,
        "half_window": half_window,
        "global_weight": global_weight,
    }
    options = {name: value for name, value in method_options.items() if value is not None}
    meaning = {"class_values": class_values, "class_colors": class_colors, "ignore_value": ignore_value}
    meaning["label_threshold"] = label_threshold
    if output is None:
        raise InputError("output: expected the file to write, or the folder for a data set, got none.")
    if (labels is None) == (dataset_dir is None):
        raise InputError("labels and dataset_dir: expected one of the two, got " + ("none." if not labels else "both."))
    folders = [] if labels is None else [name for name in listed(labels) if os.path.isdir(name)]
    if dataset_dir is None:
        for name, value in (("layout", layout), ("annotators", annotators), ("modalities", modalities)):
            if value is not None:
                raise InputError(f"{name}: expected it with dataset_dir, got it with labels.")
    if dataset_dir is None and not folders:
        if processes is not None:
            raise InputError("processes: expected it with several cases, got it with the label files of one image.")
        shown = output_format, images
        _fuse_files(str(output), labels, method, probabilities, meaning, region, options, shown)
        return
    if probabilities is not None:
        raise InputError(
            "probabilities: expected it with the label files of one image; for a data set, --method mean writes "
            "probabilities."
        )
    if dataset_dir is not None:
        chosen = {"annotators": annotators and listed(annotators), "modalities": modalities and listed(modalities)}
        sources = dataset_cases(dataset_dir, layout, **chosen)
    elif labels is not None and len(folders) < len(listed(labels)):
        strange = next(name for name in listed(labels) if name not in folders)
        raise InputError(f"{strange}: expected a folder, like {folders[0]}.")
    else:
        sources = folder_cases(folders)
    if images is not None:
        sources = with_images(sources, str(images))
    said = meaning | {"output_format": output_format}
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
            raise InputError(
                f"{output}: expected a folder outside of {root}, since the consensus would be mixed with the labels "
                "there."
            )
        beside = len(sources.roots) > 1 and root.resolve().parent == folder.resolve()  # the annotators' own folders
        if beside or (folder.resolve() in root.resolve().parents and root.name in ("labels", "probabilities", "cases")):
            raise InputError(
                f"{output}: expected a new folder, got that in which {root} lies: a data set there would be read with "
                "the consensus for its labels."
            )
    check_writable("output", folder)
    settings, notes = make_settings(sources, folder, method, region, options, **said)
    notes = (*sources.notes, *notes)
    print("\n".join(notes))
    with locked_folder(folder):
        _fuse_into(output, sources, settings, notes, processes)


def _fuse_into(output: Path, sources: Sources, settings: Settings, notes: Sequence[str], processes: int | None) -> None:
    require_one_method(sources.cases, settings)
    outcome = fuse_cases(sources.cases, settings, processes)
    if outcome.kept:
        print(f"Finished before and kept: {counted(outcome.kept, 'case')}.")
    if outcome.records:
        troubles = write_tables(outcome, sources.cases, settings, notes)
        summaries = summarize_annotators(outcome.records, settings.annotators, len(settings.values))
        rows = annotator_rows(summaries, settings.class_names, "", "")
        shown = ("annotator", "says", "cases", "sensitivity", "specificity", "volume_bias", "border_shift")
        print(_table([{name: row[name] for name in shown} for row in rows]))
        print("\n".join([*troubles, *other_cases(sources.cases, settings)]))
        datalist = write_datalist(outcome, sources, settings)
        page = Path(output, "annotators.html")
        print(f"{counted(len(outcome.records), 'case')} in {output}; {page} compares the annotators.")
        if datalist is not None:
            ignored = f" --ignore_value {settings.ignore}" if settings.ignore != -1 else ""
            print(f"Train with: --dataset_dir {shlex.quote(str(datalist))}{ignored}")
    if outcome.failed:
        reasons = "; ".join(f"{name}: {why.rstrip('.')}" for name, why in outcome.failed.items())
        raise InputError(f"{len(outcome.failed)} of {len(sources.cases)} cases could not be fused: {reasons}.")


def _fuse_files(
    output: str,
    labels: Any,
    method: str,
    probabilities: str | None,
    said: dict[str, Any],
    region: str,
    options: dict[str, Any],
    shown: tuple[str | None, str | None],
) -> None:
    """One image, of which every annotator has a file."""
    paths = _paths(labels)
    targets = [Path(str(target)) for target in (output, probabilities) if target is not None]
    output_format, image = shown
    check_tool(output_format, method)
    one = FusionCase(targets[0].name, {str(path): str(path) for path in paths}, tool_image=str(image or ""))
    if fault := image_fault(one, output_format):
        raise InputError(f"output_format: {fault}.")
    for target in targets:
        if suffix_of(target) not in _suffixes(paths[0]):
            raise InputError(f"{target}: expected a name that ends with {' or '.join(_suffixes(paths[0]))}.")
        if target.resolve() in [path.resolve() for path in paths]:
            raise InputError(f"{target}: expected a new file, got one of the labels.")
        check_writable(str(target), target.parent)

    meanings, notes = infer_annotator_meanings({str(path): [observe_label(path)] for path in paths}, **said)
    labels_read = [read_label(path, meanings[str(path)]) for path in paths]
    labels_read = [reoriented(label, labels_read[0]) for label in labels_read]
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
    compared = stacked
    if region == "disputed":
        compared = np.where(is_disputed(torch.from_numpy(stacked)).numpy(), stacked, -1)
    print(_table(performance_rows(compared, consensus, values, [str(path) for path in paths])))
    names = [str(path) for path in paths]
    found = _situation(torch.from_numpy(stacked), consensus) | {"case": targets[0].name, "annotators": names}
    for sentence in trouble_sentences([found], names, method, region):
        print(sentence, file=sys.stderr)

    unlabeled = unlabeled_value(meanings[str(paths[0])]) if is_picture(paths[0]) else -1
    fused = np.where(consensus.labels < 0, unlabeled, values[consensus.labels])
    maps = probability_maps(consensus.probabilities)
    if output_format is not None:
        drawn = str(targets[0])[: -len(suffix_of(targets[0]))] + OUTPUT_FORMATS[output_format]
        names = value_names(values.tolist(), said)
        write_for_tool(drawn, output_format, consensus.labels.numpy(), one, names, method)
    write_consensus(targets[0], maps if method == "mean" else fused, paths[0])
    if probabilities is not None:
        write_consensus(targets[1], maps, paths[0])


def _situation(labels: torch.Tensor, consensus: Consensus) -> dict[str, Any]:
    """What `trouble_sentences` has to know of the case."""
    labeled, marked = labels >= 0, labels > 0
    disputed = int(is_disputed(labels).sum())
    empty = [row for row in range(len(labels)) if labeled[row].any() and not marked[row].any()]
    return {
        "disputed": disputed,
        "few_disputed": 0 < disputed < FEW_DISPUTED * int(labeled.any(0).sum()),
        "empty": empty if marked.any() else [],
        "overruled": int(is_overruled(labels, consensus.labels).sum()),
        "ties": consensus.ties,
        "converged": consensus.converged,
    }


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
    paths = [Path(name) for name in listed(labels)]
    if len(paths) < 2:
        raise InputError(f"labels: expected the files of at least two annotators, got {', '.join(map(str, paths))}.")
    for path in paths:
        if _kind(path) != _kind(paths[0]):
            raise InputError(f"{path}: expected a {_kind(paths[0])} as {paths[0]} is, got a {_kind(path)}.")
    return paths


def _kind(path: Path) -> str:
    if not suffix_of(path):
        if not path.exists():
            raise InputError(f"{path} is no folder: expected one that holds an annotator's labels, or a label file.")
        raise InputError(f"{path}: expected a name that ends with one of {', '.join(IMAGE_SUFFIXES)}.")
    return "picture" if is_picture(path) else "volume"


def _suffixes(source: Path) -> tuple[str, ...]:
    """What the consensus of such labels may end with."""
    suffix = result_suffix(source)
    return NIFTI_SUFFIXES if suffix in NIFTI_SUFFIXES else (suffix,)


if __name__ == "__main__":
    run_command(fuse)
