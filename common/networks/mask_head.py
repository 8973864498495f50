"""Mask head of the improved Mask R-CNN: a second, finer RoIAlign joined by a skip connection."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from torch import nn

from common.errors import ArgumentError
from common.networks.box_head import SampledRegions
from common.networks.region_align import pyramid_roi_align, roi_align

__all__ = ["MaskHead"]

UNKNOWN = 1e-2  # share of a cell from which on pixels that nobody labeled make it one that nobody labeled


class MaskHead(nn.Module):
    """One mask per class of each region, four times as fine as its features.

    Features of 14 × 14 cells pass four convolutions and are doubled by a transposed one, as in Mask R-CNN. There they
    join the features of a second RoIAlign of 28 × 28 cells that passed an encoder layer of their own (the skip
    connection of a U-Net), and a further decoder layer doubles them again: masks of 56 × 56 cells. Felfeliyan et al.,
    *Improved-Mask R-CNN* (Comput. Med. Imaging Graph. 2022), which *Weakly Supervised Medical Image Segmentation With
    Soft Labels and Noise Robust Loss* takes over in section III.B; kernels and channels are those of Mask R-CNN.

    Convolutions are followed by instance normalization. Without it a normalized active-passive loss, which is flat
    where a prediction is sure of the wrong class, makes all masks empty before their features tell anything apart.

    Args:
        channels: of the features.
        num_classes: without the background.
        strides: pixels of the image per pixel of each level.
        loss: of logits and soft target, both ``(N, 1, M, M)``; only `losses` needs it.
        hidden: channels of the convolutions.
        layers: convolutions before the first doubling.
        cells: of the first RoIAlign along both axes.

    Example:
        >>> head = MaskHead(8, 2, strides=(4,), loss=nn.BCEWithLogitsLoss(), hidden=4, cells=7)
        >>> head([torch.zeros(1, 8, 16, 16)], [torch.tensor([[0.0, 0, 20, 30]])]).shape
        torch.Size([1, 2, 28, 28])
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        strides: Sequence[int],
        loss: nn.Module | None,
        hidden: int = 256,
        layers: int = 4,
        cells: int = 14,
    ) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.loss = loss
        self.cells = cells
        inputs = [channels] + [hidden] * (layers - 1)
        self.bottom = nn.Sequential(*(_layer(count, hidden) for count in inputs))
        self.encoder = _layer(channels, hidden)
        self.up = _doubling(hidden, hidden)
        self.join = _layer(2 * hidden, hidden)
        self.decoder = _doubling(hidden, hidden)
        self.masks = nn.Conv2d(hidden, num_classes, 1)

    def forward(self, features: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor]) -> torch.Tensor:
        """Logits ``(ΣN_i, num_classes, 4 · cells, 4 · cells)`` of the regions ``(N_i, 4)`` of each image."""
        coarse = pyramid_roi_align(features, self.strides, boxes, self.cells)
        fine = pyramid_roi_align(features, self.strides, boxes, 2 * self.cells, sampling_ratio=1)
        joined = torch.cat((self.up(self.bottom(coarse)), self.encoder(fine)), 1)
        return self.masks(self.decoder(self.join(joined))).float()

    def losses(
        self,
        features: Sequence[torch.Tensor],
        regions: Sequence[SampledRegions],
        targets: Sequence[dict[str, torch.Tensor]],
    ) -> dict[str, torch.Tensor]:
        """``mask``: the loss of each positive region on the mask of its class; the soft label is cut out by RoIAlign.

        A cell that a pixel without a label (−1) reaches into is −1, and left out by the losses of `common.losses`.
        Without a positive region it is 0, and so is its gradient.

        Raises:
            ArgumentError: if there is no loss.
        """
        if self.loss is None:
            raise ArgumentError("mask_loss: expected a loss, as the network is called with targets, got None.")
        positive = [(r.boxes[r.classes > 0], r.matches[r.classes > 0]) for r in regions]
        classes = torch.cat([r.classes[r.classes > 0] for r in regions])
        logits = self(features, [boxes for boxes, _ in positive])
        if not len(classes):
            return {"mask": logits.sum()}
        crops = []
        for (boxes, matches), target in zip(positive, targets, strict=True):
            if len(boxes):
                masks, size = target["masks"].to(boxes), (logits.shape[2], logits.shape[3])
                crop = roi_align(masks.clamp_min(0)[None], [boxes], size)
                if (masks < 0).any():
                    crop[roi_align((masks < 0).to(masks)[None], [boxes], size) > UNKNOWN] = -1
                crops.append(crop[torch.arange(len(boxes), device=boxes.device), matches])
        chosen = logits[torch.arange(len(classes), device=classes.device), classes - 1]
        return {"mask": self.loss(chosen[:, None], torch.cat(crops)[:, None])}

    @torch.no_grad()
    def probabilities(
        self, features: Sequence[torch.Tensor], detections: Sequence[dict[str, torch.Tensor]]
    ) -> list[torch.Tensor]:
        """Of each image the masks ``(D, 4 · cells, 4 · cells)`` of its detections' classes, from 0 to 1."""
        logits = self(features, [found["boxes"] for found in detections])
        classes = torch.cat([found["classes"] for found in detections])
        chosen = logits[torch.arange(len(classes), device=classes.device), classes - 1]
        return list(chosen.sigmoid().split([len(found["boxes"]) for found in detections]))


def _layer(in_channels: int, out_channels: int) -> Convolution:
    # groups of one channel are instance normalization that accepts an empty batch
    norm = ("group", {"num_groups": out_channels})
    return Convolution(2, in_channels, out_channels, adn_ordering="NA", act="relu", norm=norm)


def _doubling(in_channels: int, out_channels: int) -> Convolution:
    return Convolution(
        2,
        in_channels,
        out_channels,
        strides=2,
        kernel_size=2,
        act="relu",
        norm=None,
        is_transposed=True,
        padding=0,
        output_padding=0,
    )
