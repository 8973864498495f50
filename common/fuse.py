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
import nibabel as nib
import numpy as np
import torch
from PIL import Image

from common.errors import InputError
from common.io.files import whole_file
from common.io.readers import grey_image
from common.transforms.fuse_annotators import Consensus, fuse_annotators
from common.transforms.save_prediction import is_nifti

MOST_CLASSES = 256  # more distinct values than that are an image, not a label


def fuse(
    labels: str | Sequence[str],
    output: str,
    method: str = "staple",
    probabilities: str | None = None,
    **options: Any,
) -> None:
    """Writes the consensus of annotators' labels of one image and prints their sensitivities and confusion matrices.

    Any whole numbers serve as classes (0 and 255, or 0, 1, 2, 4); 0 is the background, and −1 is not labelled. The
    consensus has the same values, in the geometry of the first file; of equally probable classes it has the
    smallest, and how often that decided is said. With ``--method mean`` it is the mean label
    instead, a map like that of ``probabilities``. Where nobody labelled both are −1.

    Args:
        labels: two or more NIfTI files or PNG files of one image, one for each annotator.
        output: file of the same kind.
        method: mean, majority, staple or spatial_staple.
        probabilities: a file for the foreground's probability; of several classes, all of them in the fourth dimension.
        **options: of staple (``--prior --tolerance --max_iterations``), and of spatial_staple (``--half_window
            --global_weight`` too).

    Raises:
        InputError: if a file is no label, files do not match, or an argument is out of range.
    """
    paths = _paths(labels)
    targets = [Path(str(target)) for target in (output, probabilities) if target is not None]
    for target in targets:
        if _kind(target) != _kind(paths[0]):
            raise InputError(f"{target}: expected a {_kind(paths[0])} file as the labels are, got {_kind(target)}.")
        if target.resolve() in [path.resolve() for path in paths]:
            raise InputError(f"{target}: expected a new file, got one of the labels.")

    arrays = [_read(path) for path in paths]
    for path, array in zip(paths, arrays, strict=True):
        _check_geometry(path, array, paths[0], arrays[0])
    values = np.unique(np.concatenate([[0], *(np.unique(array) for array in arrays)]))
    if values[0] < -1 or len(values) > MOST_CLASSES:
        raise InputError(
            f"{paths[0]} and the others: expected classes from 0 up, at most {MOST_CLASSES}, or -1 = not labelled, "
            f"got {len(values)} values from {values[0]} to {values[-1]}."
        )
    values = values[values >= 0] if values[-1] > 0 else np.array([0, 1])
    if len(values) > 2 and _kind(paths[0]) == "PNG" and (probabilities is not None or method == "mean"):
        raise InputError(f"probabilities: expected NIfTI labels to write those of {len(values)} classes, got PNG.")

    stacked = np.stack([np.where(array < 0, -1, np.searchsorted(values, array)).astype(np.int16) for array in arrays])
    consensus = fuse_annotators(torch.from_numpy(stacked), method, len(values), options)
    print(_table(performance_rows(stacked, consensus, values, [str(path) for path in paths])))
    if consensus.ties:
        print(f"{consensus.ties} voxels with several equally probable classes got the smallest, background first.")
    if not consensus.converged:
        print(f"{method} did not converge; --max_iterations allows more iterations.", file=sys.stderr)

    fused = np.where(consensus.labels < 0, -1, values[consensus.labels])
    smallest_dtype = np.result_type(*(np.min_scalar_type(value) for value in (fused.min(), values[-1])))
    maps = _probability_maps(consensus.probabilities)
    _write(targets[0], maps if method == "mean" else fused.astype(smallest_dtype), paths[0])
    if probabilities is not None:
        _write(targets[1], maps, paths[0])


def performance_rows(
    labels: np.ndarray, consensus: Consensus, values: Sequence[int] | np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """How each annotator compares with the consensus, class by class, over the voxels that the annotator labelled.

        sensitivity = p(says c | truth c),   specificity = p(does not say c | truth is not c)

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labelled.
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
            raise InputError(f"{path}: expected a {_kind(paths[0])} file as {paths[0]} is, got {_kind(path)}.")
    return paths


def _kind(path: Path) -> str:
    if is_nifti(path):
        return "NIfTI"
    if path.suffix.lower() == ".png":
        return "PNG"
    raise InputError(f"{path}: expected a name that ends with .nii, .nii.gz or .png.")


def _read(path: Path) -> np.ndarray:
    """The labels as integers, with the first axis x as MONAI has it."""
    try:
        if is_nifti(path):
            array = np.asarray(nib.Nifti1Image.from_filename(path).dataobj)
        else:
            with Image.open(path) as image:
                array = np.asarray(image if image.mode == "P" else grey_image(image)).T
    except Exception as error:  # decoders of damaged files raise whatever they meet
        reason = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{path}: expected a readable label file, got {reason}.") from error
    if array.dtype.kind not in "buif":
        raise InputError(f"{path}: expected whole numbers as labels, got values of type {array.dtype}.")
    whole = array.astype(np.int64) if array.dtype.kind in "bui" or np.isfinite(array).all() else None
    if whole is None or not np.array_equal(whole, array):
        raise InputError(f"{path}: expected whole numbers as labels, got fractions or values that are not finite.")
    return whole


def _check_geometry(path: Path, array: np.ndarray, first: Path, first_array: np.ndarray) -> None:
    if array.shape != first_array.shape:
        raise InputError(f"{path}: expected the size {first_array.shape} of {first}, got {array.shape}.")
    if is_nifti(path):
        affine, expected = (nib.Nifti1Image.from_filename(one).affine for one in (path, first))
        if not np.allclose(affine, expected, atol=1e-3):
            raise InputError(
                f"{path}: expected the affine {expected.round(3).tolist()} of {first}, got {affine.round(3).tolist()}."
            )


def _probability_maps(probabilities: torch.Tensor) -> np.ndarray:
    """The foreground's map of two classes; of several, all of them in the fourth dimension."""
    if len(probabilities) == 2:
        return probabilities[1].float().numpy()
    maps = probabilities.movedim(0, -1).float().numpy()
    return maps.reshape(*maps.shape[:-1], *[1] * (4 - maps.ndim), maps.shape[-1])


def _write(path: Path, array: np.ndarray, source: Path) -> None:
    """A NIfTI file with the affine and header of ``source``, or a PNG file in which a probability of 1 is 255."""
    with whole_file(path) as partial:
        if is_nifti(source):
            reference = nib.Nifti1Image.from_filename(source)
            image = nib.Nifti1Image(array, reference.affine, reference.header)
            image.set_data_dtype(array.dtype)
            image.header.set_slope_inter(1, 0)
            nib.save(image, partial)
        else:
            pixels = np.rint(array * 255).astype(np.uint8) if array.dtype.kind == "f" else array
            Image.fromarray(np.ascontiguousarray(pixels.T)).save(partial)


def _with_lists(arguments: Sequence[str]) -> list[str]:
    """The values that follow ``--labels`` as one, since fire takes one value for an option."""
    if "--labels" not in arguments:
        return list(arguments)
    start = list(arguments).index("--labels") + 1
    stop = next((place for place in range(start, len(arguments)) if arguments[place].startswith("--")), len(arguments))
    files = list(arguments[start:stop])
    return [*arguments[:start], *([str(files)] if len(files) > 1 else files), *arguments[stop:]]


if __name__ == "__main__":
    fire.Fire(fuse, command=_with_lists(sys.argv[1:]))
