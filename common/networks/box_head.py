"""Box head: the class and the exact box of each proposal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.data.box_utils import batched_nms, clip_boxes_to_image
from torch import nn
from torch.nn import functional

from common.networks.region_align import pyramid_roi_align
from common.networks.region_proposal import box_loss, box_overlap, initialize, random_sampler, unlabeled_share

__all__ = ["BoxHead", "SampledRegions"]


class SampledRegions(NamedTuple):
    """Regions of one image on which the heads are trained.

    Attributes:
        boxes: ``(N, 4)``.
        classes: ``(N,)`` of the true box they overlap most, 0 if none.
        matches: ``(N,)`` its index; of no meaning where the class is 0.
    """

    boxes: torch.Tensor
    classes: torch.Tensor
    matches: torch.Tensor


class BoxHead(nn.Module):
    """Two linear layers over the features of a proposal, then its class and its box, one box per class.

    He et al., *Mask R-CNN* (ICCV 2017). Box coding and non-maximum suppression are MONAI's.

    Args:
        channels: of the features.
        num_classes: without the background.
        strides: pixels of the image per pixel of each level.
        hidden: units of each linear layer.
        cells: of RoIAlign along both axes.
        samples: proposals of an image that enter the loss, a quarter of them positive at most.
        overlap: IoU with a true box from which a proposal is positive.
        score_threshold: detections below it are dropped.
        suppression_overlap: the IoU above which the lower of two detections of a class is dropped.
        detections: of an image, at most.

    Example:
        >>> head = BoxHead(8, num_classes=2, strides=(4,), hidden=16)
        >>> features, proposals = [torch.zeros(1, 8, 16, 16)], [torch.tensor([[0.0, 0, 20, 30]])]
        >>> [sorted(found["classes"].tolist()) for found in head.detect(features, proposals, (64, 64))]
        [[1, 2]]
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        strides: Sequence[int],
        hidden: int = 1024,
        cells: int = 7,
        samples: int = 512,
        overlap: float = 0.5,
        score_threshold: float = 0.05,
        suppression_overlap: float = 0.5,
        detections: int = 100,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.strides = tuple(strides)
        self.cells = cells
        self.overlap = overlap
        self.score_threshold = score_threshold
        self.suppression_overlap = suppression_overlap
        self.detections = detections
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(channels * cells**2, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.classes = nn.Linear(hidden, num_classes + 1)
        self.deltas = nn.Linear(hidden, num_classes * 4)
        initialize(self.classes, std=0.01)
        initialize(self.deltas, std=0.001)
        self.coder = BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
        self.sampler = random_sampler(samples, 0.25)

    def forward(self, features: Sequence[torch.Tensor], boxes: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Class logits ``(ΣN_i, num_classes + 1)``, background first, and encoded boxes ``(ΣN_i, num_classes, 4)``."""
        hidden = self.layers(pyramid_roi_align(features, self.strides, boxes, self.cells))
        return self.classes(hidden).float(), self.deltas(hidden).unflatten(1, (self.num_classes, 4)).float()

    @torch.no_grad()
    def sample(
        self, proposals: Sequence[torch.Tensor], targets: Sequence[dict[str, torch.Tensor]]
    ) -> list[SampledRegions]:
        """Of each image's proposals, and its true boxes, those that the heads are trained on.

        A proposal without an object is left out if so much of it is not labeled (``unlabeled`` ``(H, W)`` of the
        target) that an object there could make it a positive one.
        """
        sampled = []
        for regions, target in zip(proposals, targets, strict=True):
            regions = torch.cat((regions, target["boxes"].to(regions)))
            classes = torch.zeros(len(regions), dtype=torch.long, device=regions.device)
            matches = torch.zeros_like(classes)
            if len(target["boxes"]):
                overlap, matches = box_overlap(target["boxes"].to(regions), regions).max(0)
                classes = torch.where(overlap >= self.overlap, target["classes"].long()[matches], 0)
            if "unlabeled" in target:
                possible = unlabeled_share(regions, target["unlabeled"].to(regions.device)) >= self.overlap
                classes = classes.masked_fill((classes == 0) & possible, -1)  # not sampled
            positive, negative = self.sampler([classes], torch.zeros(len(regions), device=regions.device))
            chosen = torch.cat((positive[0].nonzero()[:, 0], negative[0].nonzero()[:, 0]))
            sampled.append(SampledRegions(regions[chosen], classes[chosen], matches[chosen]))
        return sampled

    def losses(
        self,
        features: Sequence[torch.Tensor],
        regions: Sequence[SampledRegions],
        targets: Sequence[dict[str, torch.Tensor]],
    ) -> dict[str, torch.Tensor]:
        """``class`` (cross-entropy) and ``box`` (see `box_loss`) of the sampled regions; 0 without a region."""
        logits, deltas = self(features, [region.boxes for region in regions])
        classes = torch.cat([region.classes for region in regions])
        truth = torch.cat(
            [target["boxes"].to(r.boxes)[r.matches[r.classes > 0]] for r, target in zip(regions, targets, strict=True)]
        )
        positive = classes.nonzero()[:, 0]
        encoded = self.coder.encode_single(truth, torch.cat([region.boxes for region in regions])[positive])
        return {
            "class": functional.cross_entropy(logits, classes, reduction="sum") / max(len(classes), 1),
            "box": box_loss(deltas[positive, classes[positive] - 1], encoded, len(classes)),
        }

    @torch.no_grad()
    def detect(
        self, features: Sequence[torch.Tensor], proposals: Sequence[torch.Tensor], size: Sequence[int]
    ) -> list[dict[str, torch.Tensor]]:
        """``boxes`` ``(D, 4)``, ``classes`` and ``scores`` ``(D,)`` of each image, best first, D ≥ 0."""
        logits, deltas = self(features, proposals)
        counts = [len(boxes) for boxes in proposals]
        found = []
        for regions, scores, offsets in zip(
            proposals, logits.softmax(1)[:, 1:].split(counts), deltas.split(counts), strict=True
        ):
            region, column = (scores > self.score_threshold).nonzero(as_tuple=True)
            boxes = self.coder.decode_single(offsets[region, column], regions[region])
            boxes, inside = map(torch.as_tensor, clip_boxes_to_image(boxes, list(size), remove_empty=True))
            score, label = scores[region, column][inside], column[inside] + 1
            kept = batched_nms(boxes, score, label, self.suppression_overlap, self.detections, box_overlap)
            found.append({"boxes": boxes[kept], "classes": label[kept], "scores": score[kept]})
        return found
