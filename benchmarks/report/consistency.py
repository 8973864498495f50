"""What the consistency of two views asks of a network, and where: the first figures of the boundary-weighted paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.colors import BoundaryNorm, ListedColormap, LogNorm
from matplotlib.figure import Figure
from monai.transforms import Orientation

from common.errors import InputError
from common.io.label_values import read_label_values
from common.losses import CrossEntropyLoss
from common.losses.logit_consistency import squared_difference
from common.report.drawing import COLORS, TEXT, WIDTH, PathLike, save_figure
from common.transforms import boundary_distance, boundary_weight

__all__ = ["draw_boundary_weight", "draw_loss_landscape", "loss_landscape"]


def loss_landscape(z: torch.Tensor, z_other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    r"""Both losses of one pixel with two classes, labeled as foreground, whose background logits are 0.

    $$ L_S = -\log \sigma(z), \qquad L_C = (z - z')^2 $$

    Args:
        z: logits of the foreground in one view, of any shape.
        z_other: the same in the other view, of the same shape.

    Returns:
        L_S of the first view and L_C, each of the logits' shape.

    Source: Karani et al., *Boundary-weighted logit consistency*, section 3.1, "Special case of binary segmentation".

    Example:
        >>> loss_landscape(torch.tensor([0.0]), torch.tensor([2.0]))  # log 2 and 2²
        (tensor([0.6931]), tensor([4.]))
    """
    logits, other = (torch.stack([torch.zeros_like(one), one]).flatten(1)[None] for one in (z, z_other))
    foreground = torch.ones(1, 1, z.numel())
    supervised = CrossEntropyLoss(softmax=True, to_onehot_y=True, reduction="none")(logits, foreground)
    return supervised.reshape(z.shape), squared_difference(logits, other).reshape(z.shape)


def draw_loss_landscape(path: PathLike, weights: Sequence[float] = (0.1, 1.0), limit: float = 10.0) -> Path:
    """The supervised loss, the sum of both for some weights λ, and the consistency, over the logits of two views.

    Colors are logarithmic, those below 1e-3 alike.

    Args:
        path: PNG to write.
        weights: λ > 0 of each panel between the two losses.
        limit: logits are shown from −limit to limit.

    Raises:
        InputError: no weights, or a weight or limit that is not positive and finite.

    Source: Karani et al., *Boundary-weighted logit consistency*, Fig. 1, which prints neither the weights nor the
    range of the logits.
    """
    if not weights or not all(0 < number < np.inf for number in (*weights, limit)):
        raise InputError(f"weights and limit: expected positive finite numbers, got {list(weights)} and {limit}.")
    axis = torch.linspace(-limit, limit, 201)
    z, z_other = torch.meshgrid(axis, axis, indexing="xy")
    supervised, consistency = loss_landscape(z, z_other)
    shown = {"$L_S$": supervised}
    shown |= {f"$L_S + {weight:g}\\,L_C$": supervised + weight * consistency for weight in weights}
    shown |= {"$L_C$": consistency}
    figure = Figure(figsize=(WIDTH, WIDTH / len(shown) + 0.35), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True)
    norm = LogNorm(1e-3, max(float(values.max()) for values in shown.values()), clip=True)
    for panel, (title, values) in zip(panels, shown.items(), strict=True):
        extent = (-limit, limit, -limit, limit)
        drawn = panel.imshow(values, cmap="viridis", norm=norm, origin="lower", extent=extent)
        panel.set_title(title, fontsize=9, color=TEXT)
        panel.set_xlabel("$z$", fontsize=9, color=TEXT)
        panel.tick_params(labelsize=8, labelcolor=TEXT)
    panels[0].set_ylabel("$z'$", fontsize=9, color=TEXT)
    _bar(figure, drawn, list(panels), "Loss", shrink=0.75)
    return save_figure(figure, path, dpi=140)


def draw_boundary_weight(
    label_file: PathLike,
    path: PathLike,
    radius: float = 10.0,
    lambda_max: float = 1.0,
    lambda_min: float = 0.01,
) -> Path:
    """A label, the distance r of each pixel to the nearest boundary, and the weight λ(r) of its consistency.

    Of a volume the axial slice with the most foreground is shown, in which r is measured, in pixels.

    Args:
        label_file: PNG, JPEG or NIfTI with class indices, 2-D or 3-D; −1 where not labeled.
        path: PNG to write.
        radius: R > 0, in pixels.
        lambda_max: λ_max ≥ 0.
        lambda_min: λ_min ≥ 0.

    Raises:
        InputError: a label that cannot be read, holds other numbers than classes or one class alone, or an argument
            out of range.

    Source: Karani et al., *Boundary-weighted logit consistency*, Fig. 2.
    """
    label, aspect = _read_slice(label_file)
    weight = boundary_weight(label, radius, lambda_max, lambda_min)
    distance = boundary_distance(label)
    if not distance.isfinite().any():
        raise InputError(f"{label_file}: expected a label with a boundary between classes, got one class alone.")
    classes = int(label.max()) + 1
    colors = ["#FFFFFF", "#111111", *(COLORS[index % len(COLORS)] for index in range(classes - 1))]
    height = WIDTH / 3 * label.shape[0] * aspect / label.shape[1]
    figure = Figure(figsize=(WIDTH, 0.8 * height + 0.35), layout="constrained")
    panels = figure.subplots(1, 3)
    norm = BoundaryNorm(np.arange(-1.5, classes), classes + 1)
    panels[0].imshow(label, cmap=ListedColormap(colors), norm=norm, interpolation="nearest", aspect=aspect)
    _bar(figure, panels[1].imshow(distance, cmap="viridis", vmin=0, aspect=aspect), panels[1], "Pixels")
    top = lambda_max + lambda_min
    _bar(figure, panels[2].imshow(weight, cmap="magma", vmin=0, vmax=top or 1, aspect=aspect), panels[2], "Weight")
    titles = ("Label", "Distance $r$", f"$\\lambda(r)$, $R$ = {radius:g}")
    for panel, title in zip(panels, titles, strict=True):
        panel.set_title(title, fontsize=9, color=TEXT)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set_visible(False)
    return save_figure(figure, path, dpi=140, keep=colors)


def _bar(figure: Figure, drawn: Any, panels: Any, name: str, shrink: float = 1.0) -> None:
    bar = figure.colorbar(drawn, ax=panels, fraction=0.05, pad=0.02, shrink=shrink)
    bar.set_label(name, fontsize=8, color=TEXT)
    bar.ax.tick_params(labelsize=8, labelcolor=TEXT)
    bar.outline.set_visible(False)


def _read_slice(file: PathLike) -> tuple[torch.Tensor, float]:
    """Rows and columns of the label as it is looked at (anterior up, the patient's right on the left), and the height
    of its pixels by their width."""
    stored: Any = read_label_values(file)
    if stored.ndim not in (3, 4) or len(stored) != 1:
        raise InputError(f"{file}: expected a 2-D or 3-D label of one channel, got the shape {tuple(stored.shape)}.")
    if stored.ndim == 3:
        return torch.as_tensor(stored).as_subclass(torch.Tensor)[0].T, 1.0
    stored = Orientation("RAS", labels=None)(stored)
    width, height = (float(size) for size in stored.pixdim[:2])
    volume = torch.as_tensor(stored).as_subclass(torch.Tensor)[0]
    index = int((volume > 0).sum(dim=(0, 1)).argmax())
    return volume[..., index].flip(0, 1).T.contiguous(), height / width
