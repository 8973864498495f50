"""Training with random views of every image: their logits brought back, supervised and held consistent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.inferers import Inferer
from monai.transforms import Randomizable
from torch import nn

from common.errors import InputError
from common.losses import LogitConsistencyLoss
from common.transforms.views import RandomView, unwarp
from common.workflow.overrides import as_bool

__all__ = ["PrepareViews", "ViewInferer", "ViewLoss", "radius_in_millimeters"]


class PrepareViews(Randomizable):
    """``prepare_batch`` of MONAI's trainer: one or two random views of each image, one after the other in a batch.

    `ViewInferer` takes them apart again for the network. `common.workflow.EpochSeed` seeds it.

    Args:
        view: draws the geometry T and the intensity S of each image.
        count: 1, or 2 for `ViewLoss` with a consistency.

    Raises:
        InputError: if there are to be other than one or two views.

    Example:
        >>> keys = ("image", "label", "label_weight")
        >>> views, target = PrepareViews(RandomView())({key: torch.zeros(2, 1, 8, 8) for key in keys})
        >>> views.shape, len(target["matrices"])
        (torch.Size([4, 1, 8, 8]), 2)
    """

    def __init__(self, view: RandomView, count: int = 2) -> None:
        if count not in (1, 2):
            raise InputError(f"count: expected one view or two, got {count}.")
        self.view, self.count = view, count

    def set_random_state(self, seed: int | None = None, state: np.random.RandomState | None = None) -> PrepareViews:
        super().set_random_state(seed, state)
        self.view.set_random_state(state=self.R)
        return self

    def __call__(
        self,
        batch: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """
        Args:
            batch: ``image`` ``(B, C, *spatial)``, ``label`` ``(B, 1, *spatial)`` class indices and ``label_weight``,
                the weight λ of each pixel ``(B, 1, *spatial)``, which is not used with one view.
            device, non_blocking, kwargs: where and how tensors go, see ``torch.Tensor.to``.

        Returns:
            The views ``(count · B, C, *spatial)``, those of the first first, and the target of `ViewLoss`: ``label``,
            ``weight`` and ``matrices``, the geometry of each view.
        """
        image, label, weight = (
            batch[key].to(device=device, non_blocking=non_blocking, **kwargs)
            for key in ("image", "label", "label_weight")
        )
        views, matrices = zip(*(self.view(image) for _ in range(self.count)), strict=True)
        return torch.cat(views), {"label": label, "weight": weight, "matrices": matrices}


class ViewInferer(Inferer):
    """``inferer`` of MONAI's trainer: a forward pass for each view of `PrepareViews`.

    Views share the network's weights but no statistics of a batch. On the CPU two passes of B images are also faster
    than one of 2 · B, whose tensors the allocator gives back to the system and takes again in every step.

    Args:
        count: number of views in a batch.

    Shapes:
        ``(count · B, C, *spatial)`` → ``(count · B, K, *spatial)``.

    Example:
        >>> ViewInferer(2)(torch.tensor([1.0, 3.0, 10.0, 20.0]), lambda view: view - view.mean())
        tensor([-1.,  1., -5.,  5.])
    """

    def __init__(self, count: int = 2) -> None:
        super().__init__()
        self.count = count

    def __call__(self, inputs: torch.Tensor, network: Callable[..., Any], *args: Any, **kwargs: Any) -> torch.Tensor:
        return torch.cat([network(view, *args, **kwargs) for view in inputs.chunk(self.count)])


class ViewLoss(nn.Module):
    r"""Supervised loss of the first view and weighted consistency of both.

    $$ \frac{1}{|V|} \sum_{j \in V} L_S(z^j, y^j)
       + \frac{1}{|V \cap V'|} \sum_{j \in V \cap V'} \lambda^j \, d(z^j, z'^j) $$

    Here z and z' are the logits of two views, brought back to the image by the exact inverse of their geometry, and V
    and V' are the pixels that have a source in the first and in the second view. Other pixels do not count; pixels that
    nobody labeled (−1) do not count in the first term. Gradients flow into both views. One view is plain augmentation,
    the first term alone. Source: Karani et al., *Boundary-weighted logit consistency improves calibration of
    segmentation networks*, eq. 1 and 2.

    After a call, ``supervised_part`` and ``consistency_part`` hold the two terms; metrics take them from
    `supervised_term` and `consistency_term`.

    Args:
        supervised: L_S of logits and class indices ``(B, 1, *spatial)`` with ``reduction="none"``, any loss of
            `common.losses` that gives one value per pixel.
        consistency: d, see `common.losses.LogitConsistencyLoss`; of no use with one view.

    Raises:
        InputError: if the supervised loss is reduced already.

    Example:
        >>> from common.losses import CrossEntropyLoss
        >>> loss = ViewLoss(CrossEntropyLoss(softmax=True, to_onehot_y=True, reduction="none"))
        >>> pixels, unmoved = torch.zeros(1, 1, 4, 4), torch.eye(3)[None]
        >>> loss(torch.zeros(1, 2, 4, 4), {"label": pixels, "weight": pixels, "matrices": [unmoved]})
        tensor(0.6931)
    """

    def __init__(self, supervised: nn.Module, consistency: LogitConsistencyLoss | None = None) -> None:
        super().__init__()
        if getattr(supervised, "reduction", "none") != "none":
            raise InputError(f"supervised: expected a loss with reduction none, got {supervised.reduction}.")
        self.supervised = supervised
        self.consistency = consistency or LogitConsistencyLoss()
        self.supervised_part = self.consistency_part = torch.tensor(0.0)

    def supervised_term(self, output: Any = None) -> torch.Tensor:
        """The first term of the last batch, as ``output_transform`` of a metric of the trainer.

        Args:
            output: of the trainer, not used.

        Returns:
            A scalar.
        """
        return self.supervised_part

    def consistency_term(self, output: Any = None) -> torch.Tensor:
        """The second term of the last batch, 0 with one view; as `supervised_term`.

        Args:
            output: of the trainer, not used.

        Returns:
            A scalar.
        """
        return self.consistency_part

    def forward(self, logits: torch.Tensor, target: Mapping[str, Any]) -> torch.Tensor:
        """The loss of a batch.

        Args:
            logits: of all views, ``(count · B, K, *spatial)``.
            target: of `PrepareViews`.

        Returns:
            A scalar, float64 for float64, else float32, under AMP too. A term without a valid pixel is 0.

        Raises:
            InputError: if the supervised loss does not give a value per pixel.
        """
        back = [
            unwarp(part, matrix)
            for part, matrix in zip(logits.chunk(len(target["matrices"])), target["matrices"], strict=True)
        ]
        first, valid = back[0]
        values = self.supervised(first, target["label"])
        if values.shape != valid.shape:
            raise InputError(
                f"supervised: expected a loss of shape {tuple(valid.shape)}, a value per pixel, "
                f"got {tuple(values.shape)}."
            )
        labeled = valid & (target["label"] >= 0)
        loss = values.where(labeled, 0).sum() / labeled.sum().clamp_min(1)
        self.supervised_part = loss.detach()
        if len(back) == 2:
            second, valid_too = back[1]
            consistency = self.consistency(first, second, target["weight"], valid & valid_too)
            self.consistency_part = consistency.detach()
            loss = loss + consistency
        return loss


def radius_in_millimeters(wanted: bool | str, spacing: Sequence[float] | None) -> bool:
    """Whether the radius of the boundary weight is in mm, for ``millimetres`` of `common.transforms.BoundaryWeightd`.

    Args:
        wanted: the switch ``radius_in_mm`` of a configuration.
        spacing: voxel size of the plan in mm; None where images have none.

    Returns:
        The switch as a bool.

    Raises:
        InputError: mm are wanted of images without a spacing, or the switch is neither true nor false.

    Example:
        >>> radius_in_millimeters("true", [1.33, 1.33])
        True
    """
    millimeters = as_bool("radius_in_mm", wanted)
    if millimeters and spacing is None:
        raise InputError("radius_in_mm: expected images with a spacing, got pictures; give radius in pixels.")
    return millimeters
