"""One consensus file from several annotators' label files, and how each annotator compares with it.

python -m common.fuse --labels r1.nii.gz r2.nii.gz r3.nii.gz --method staple --output consensus.nii.gz
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import torch

from common.errors import InputError, show_input_errors
from common.io.checks import geometry_finding
from common.io.formats import IMAGE_SUFFIXES, NIFTI_SUFFIXES, is_picture, suffix_of
from common.io.label_inference import infer_annotator_meanings
from common.io.label_meaning import LabelMeaning, observe_label, read_label
from common.io.writers import result_suffix, write_like
from common.transforms.fuse_annotators import Consensus, fuse_annotators

MOST_CLASSES = 256  # more distinct values than that are an image, not a label


def fuse(
    labels: str | Sequence[str],
    output: str,
    method: str = "staple",
    probabilities: str | None = None,
    ignore_value: int | None = None,
    **options: Any,
) -> None:
    """Writes the consensus of annotators' labels of one image and prints their sensitivities and confusion matrices.

    Values are understood as by the bundles (`infer_annotator_meanings`): masks of 0 and any other value, also of
    another one for each annotator, class indices, palettes by index; 0 is the background, and −1 is not labeled. The
    consensus has the values of the first file, in its geometry; of equally probable classes it has the smallest, and
    how often that decided is said. With ``--method mean`` it is the mean label instead, a map like that of
    ``probabilities``. Where nobody labeled both are −1.

    Args:
        labels: two or more files of one image, all pictures or all volumes, one for each annotator.
        output: file in the format of the first label; of pictures PNG.
        method: mean, majority, staple or spatial_staple.
        probabilities: a file for the foreground's probability; of several classes, all of them in the fourth dimension.
        ignore_value: value of what was not labeled, such as 255.
        **options: of staple (``--prior --tolerance --max_iterations``), and of spatial_staple (``--half_window
            --global_weight`` too).

    Raises:
        InputError: if a file is no label, files do not match, or an argument is out of range.
    """
    paths = _paths(labels)
    targets = [Path(str(target)) for target in (output, probabilities) if target is not None]
    for target in targets:
        if suffix_of(target) not in _suffixes(paths[0]):
            raise InputError(f"{target}: expected a name that ends with {' or '.join(_suffixes(paths[0]))}.")
        if target.resolve() in [path.resolve() for path in paths]:
            raise InputError(f"{target}: expected a new file, got one of the labels.")

    said = {"ignore_value": ignore_value}
    meanings, notes = infer_annotator_meanings({str(path): [observe_label(path)] for path in paths}, **said)
    labels_read = [read_label(path, meanings[str(path)]) for path in paths]
    for path, label in zip(paths, labels_read, strict=True):
        finding = geometry_finding(labels_read[0], label)
        if finding is not None and finding.unusable:
            raise InputError(f"{path}: {finding.message.replace('the image', str(paths[0]))}.")
    values = _written_values(meanings[str(paths[0])])
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
    consensus = fuse_annotators(torch.from_numpy(stacked), method, len(values), options)
    print(_table(performance_rows(stacked, consensus, values, [str(path) for path in paths])))
    if consensus.ties:
        print(f"{consensus.ties} voxels with several equally probable classes got the smallest, background first.")
    if not consensus.converged:
        print(f"{method} did not converge; --max_iterations allows more iterations.", file=sys.stderr)

    fused = np.where(consensus.labels < 0, -1, values[consensus.labels])
    maps = _probability_maps(consensus.probabilities)
    _write(targets[0], maps if method == "mean" else fused, paths[0])
    if probabilities is not None:
        _write(targets[1], maps, paths[0])


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
    if not isinstance(labels, list | tuple):
        text = str(labels)
        labels = [text] if os.path.exists(text) else text.split(",")
    paths = [Path(str(name).strip()) for name in labels]
    if len(paths) < 2:
        raise InputError(f"labels: expected the files of at least two annotators, got {', '.join(map(str, paths))}.")
    for path in paths:
        if _kind(path) != _kind(paths[0]):
            raise InputError(f"{path}: expected a {_kind(paths[0])} as {paths[0]} is, got a {_kind(path)}.")
    return paths


def _kind(path: Path) -> str:
    if not suffix_of(path):
        raise InputError(f"{path}: expected a name that ends with one of {', '.join(IMAGE_SUFFIXES)}.")
    return "picture" if is_picture(path) else "volume"


def _suffixes(source: Path) -> tuple[str, ...]:
    """What the consensus of such labels may end with."""
    suffix = result_suffix(source)
    return NIFTI_SUFFIXES if suffix in NIFTI_SUFFIXES else (suffix,)


def _written_values(meaning: LabelMeaning) -> np.ndarray:
    """The value of each class in the consensus: the first one that the meaning has for it."""
    values = {index: value for value, index in reversed(list((meaning.values or {}).items()))}
    return np.array([values.get(index, index) for index in range(meaning.num_classes)])


def _probability_maps(probabilities: torch.Tensor) -> np.ndarray:
    """The foreground's map of two classes; of several, all of them in the last axis."""
    return (probabilities[1] if len(probabilities) == 2 else probabilities.movedim(0, -1)).float().numpy()


def _write(path: Path, array: np.ndarray, source: Path) -> None:
    """Values as they are, in the smallest type that holds them, or of a picture probabilities of which 1 is 255."""
    if array.dtype.kind == "f":
        write_like(source, array, path)
    elif is_picture(source):
        write_like(source, array / 255 if array.max(initial=0) < 256 else array.astype(np.int32), path)
    else:
        smallest = np.result_type(*(np.min_scalar_type(value) for value in (array.min(), array.max(initial=1))))
        write_like(source, array.astype(smallest), path)


def _with_lists(arguments: Sequence[str]) -> list[str]:
    """The values that follow ``--labels`` as one, since fire takes one value for an option."""
    if "--labels" not in arguments:
        return list(arguments)
    start = list(arguments).index("--labels") + 1
    stop = next((place for place in range(start, len(arguments)) if arguments[place].startswith("--")), len(arguments))
    files = list(arguments[start:stop])
    return [*arguments[:start], *([str(files)] if len(files) > 1 else files), *arguments[stop:]]


if __name__ == "__main__":
    show_input_errors()
    fire.Fire(fuse, command=_with_lists(sys.argv[1:]))
