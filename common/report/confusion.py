"""What annotators do, as a network has learned it: a confusion matrix each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from common.errors import InputError
from common.io.files import read_result
from common.report.drawing import TEXT, WIDTH, PathLike, save_figure

SHADES = "Blues"
LETTER = 0.085  # inches that a letter of the labels takes
COLUMNS = ("annotator", "written", "true", "probability")


def read_confusion(path: PathLike) -> tuple[dict[str, torch.Tensor], list[str]]:
    """The learned matrix of each annotator from the ``confusion.csv`` of an evaluation.

    Args:
        path: of the file, see `common.methods.ConfusionTable`.

    Returns:
        ``(L, L)`` of each annotator by name, ``[i, j] = p(written = i | true = j)``, nan where the file is empty; the
        names of the L classes, in the order of the file.

    Raises:
        InputError: there is no such file, it has no row, lacks a column, or names a class that is never true.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "confusion.csv")
        ...     _ = path.write_text("annotator,written,true,probability\\nAR,cyst,cyst,0.75\\n")
        ...     read_confusion(path)
        ({'AR': tensor([[0.7500]])}, ['cyst'])
    """
    rows = read_result(path, COLUMNS, COLUMNS[-1:], "an evaluation of disentangling_annotators")
    classes = list(dict.fromkeys(row["true"] for row in rows))
    matrices: dict[str, torch.Tensor] = {}
    for row in rows:
        if row["written"] not in classes:
            raise InputError(f"{path}: {row['written']!r} is written but never true; expected {', '.join(classes)}.")
        matrix = matrices.setdefault(row["annotator"], torch.full((len(classes), len(classes)), torch.nan))
        matrix[classes.index(row["written"]), classes.index(row["true"])] = float(row["probability"] or "nan")
    return matrices, classes


def draw_confusion_matrices(
    matrices: Mapping[str, torch.Tensor],
    path: PathLike,
    truth: Mapping[str, torch.Tensor] | None = None,
    classes: Sequence[str] | None = None,
) -> Path:
    """The confusion matrix of each annotator, the true one below the estimate where it is known.

    A cell shows p(written class | true class), so that columns sum to 1; an unknown one (nan) is gray.

    Source: Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, Figs. 2, 5
    and 7.

    Args:
        matrices: estimated ``(L, L)`` of each annotator by name, ``[i, j] = p(noisy = i | true = j)``.
        path: PNG to write.
        truth: true ones of the same annotators, or of some.
        classes: names of the L classes; None for their indices.

    Returns:
        The path.

    Raises:
        InputError: no matrices, or matrices or names that do not fit each other.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     draw_confusion_matrices({"AR": torch.eye(2)}, f"{folder}/a.png").name
        'a.png'
    """
    truth = truth or {}
    if not matrices:
        raise InputError("a figure of confusion matrices needs at least one annotator, got none.")
    strangers = truth.keys() - matrices.keys()
    if strangers:
        raise InputError(f"expected true matrices of {', '.join(matrices)}, got one of {', '.join(sorted(strangers))}.")
    size = len(next(iter(matrices.values())))
    for name, matrix in [*matrices.items(), *truth.items()]:
        if matrix.shape != (size, size):
            raise InputError(f"{name}: expected a matrix of {size} × {size} classes, got {tuple(matrix.shape)}.")
    labels = [str(label) for label in (range(size) if classes is None else classes)]
    if len(labels) != size:
        raise InputError(f"classes: expected {size} names, got {len(labels)}.")

    names = list(matrices)
    rows = {"Estimate": matrices, "Truth": truth} if truth else {"": matrices}
    columns = min(5, len(names), max(1, int(16 / size)))  # so that the numbers have room
    lines = -(-len(names) // columns)
    side = min((WIDTH - 0.9) / columns, 2.2)
    longest = max(map(len, labels))
    upright = LETTER * longest > side / size  # labels of neighboring cells would run into each other
    below = 0.2 + 0.06 * longest if upright else 0.25
    figure = Figure(figsize=(WIDTH, (len(rows) * side + 0.3 + below) * lines + 0.25), layout="constrained")
    panels = figure.subplots(lines * len(rows), columns, squeeze=False)
    for panel in panels.flat:
        panel.set_visible(False)
    for index, name in enumerate(names):
        line, column = divmod(index, columns)
        for row, (title, shown) in enumerate(rows.items()):
            if name not in shown:
                continue
            panel = panels[line * len(rows) + row, column]
            panel.set_visible(True)
            _matrix(panel, shown[name].detach().cpu().numpy(), fontsize=8 if side / size > 0.45 else 6.5)
            lowest = not any(name in lower for lower in list(rows.values())[row + 1 :])
            panel.set_xticks(range(size), labels if lowest else [""] * size, rotation=90 if upright else 0)
            panel.set_yticks(range(size), labels if column == 0 else [""] * size)
            panel.set_title(name if row == 0 else "", fontsize=9, fontweight="bold", color=TEXT)
            panel.set_ylabel(title if column == 0 else "", fontsize=9, color=TEXT)
    figure.supxlabel("True class" if truth else "True class, as the network sees it", fontsize=9, color=TEXT)
    figure.supylabel("Written class", fontsize=9, color=TEXT)
    return save_figure(figure, path)


def _matrix(panel: Axes, matrix: np.ndarray, fontsize: float) -> None:
    panel.imshow(np.ma.masked_invalid(matrix), cmap=SHADES, vmin=0.0, vmax=1.0)
    for (i, j), value in np.ndenumerate(matrix):
        text, color = (f"{value:.2f}", "white" if value > 0.55 else TEXT) if np.isfinite(value) else ("?", TEXT)
        panel.text(j, i, text, ha="center", va="center", fontsize=fontsize, color=color)
    panel.set_facecolor("#EEEEEE")
    panel.tick_params(length=0, labelsize=8, labelcolor=TEXT)
    panel.spines[:].set_color("#999999")
