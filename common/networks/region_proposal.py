"""Region proposal network: where in the image something may be, before it is said what."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.apps.detection.utils.anchor_utils import AnchorGenerator
from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher
from monai.apps.detection.utils.box_coder import BoxCoder
from monai.apps.detection.utils.box_selector import BoxSelector
from monai.apps.detection.utils.hard_negative_sampler import HardNegativeSampler
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError

__all__ = ["RegionProposalNetwork", "box_loss", "box_overlap", "initialize", "random_sampler", "unlabeled_share"]

POSSIBLE = 0.15  # share of an anchor without a label from which on it is no background; anchors match from about here


def box_overlap(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """IoU of every pair of boxes, for MONAI's non-maximum suppression, which asks for it once per box that it keeps.

    `monai.data.box_utils.box_iou` checks both sets at every call and is most of a training step there.

    Args:
        boxes: ``(N, 4)`` with ends beyond starts.
        others: ``(M, 4)``.

    Returns:
        ``(N, M)``.

    Example:
        >>> box_overlap(torch.tensor([[0.0, 0, 2, 2]]), torch.tensor([[0.0, 0, 2, 2], [0, 1, 2, 3], [2, 2, 3, 3]]))
        tensor([[1.0000, 0.3333, 0.0000]])
    """
    start = torch.maximum(boxes[:, None, :2], others[:, :2])
    common = (torch.minimum(boxes[:, None, 2:], others[:, 2:]) - start).clamp_min_(0).prod(2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1), (others[:, 2:] - others[:, :2]).prod(1)
    return common / (areas[0][:, None] + areas[1] - common)


def unlabeled_share(boxes: torch.Tensor, unlabeled: torch.Tensor) -> torch.Tensor:
    """Share of the area of each box that nobody labeled.

    The IoU of a box with another one that lies where nobody labeled is at most this share.

    Args:
        boxes: ``(N, 4)``, starts then ends in pixels; what lies outside of the image does not count.
        unlabeled: ``(H, W)`` of True and False.

    Returns:
        ``(N,)`` float32 in [0, 1], 0 of a box outside of the image.

    Example:
        >>> unlabeled = torch.tensor([[False, True, True], [False, False, True]])
        >>> unlabeled_share(torch.tensor([[0.0, 0, 2, 2], [0, 1.5, 1, 5], [2, 2, 4, 4]]), unlabeled)
        tensor([0.2500, 1.0000, 0.0000])
    """
    sums = functional.pad(unlabeled.bool().cumsum(0).cumsum(1), (1, 0, 1, 0)).float()
    height, width = unlabeled.shape

    def below(row: torch.Tensor, column: torch.Tensor) -> torch.Tensor:
        """Area without a label above and left of each point: between pixels' corners it is bilinear."""
        i, j = row.long().clamp_max(height - 1), column.long().clamp_max(width - 1)
        y, x = row - i, column - j
        return (1 - y) * ((1 - x) * sums[i, j] + x * sums[i, j + 1]) + y * (
            (1 - x) * sums[i + 1, j] + x * sums[i + 1, j + 1]
        )

    rows, columns = boxes.float()[:, ::2].clamp(0, height), boxes.float()[:, 1::2].clamp(0, width)
    (top, bottom), (left, right) = rows.unbind(1), columns.unbind(1)
    inside = below(bottom, right) - below(top, right) - below(bottom, left) + below(top, left)
    area = (bottom - top) * (right - left)
    return torch.where(area > 0, inside / area.clamp_min(1e-6), 0).clamp(0, 1)


def initialize(layer: nn.Module, std: float) -> None:
    """Weights normal with that standard deviation, biases zero."""
    for parameter in layer.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=std)
        else:
            nn.init.zeros_(parameter)


def random_sampler(count: int, positive_fraction: float) -> HardNegativeSampler:
    """MONAI's sampler of positives and negatives, with all negatives equally likely.

    Hard negatives are the wrong choice where labels are incomplete: the hardest ones are the lesions nobody marked.

    Args:
        count: samples of an image, at most; negatives fill at least the part that positives may not take.
        positive_fraction: of the samples, at most, in (0, 1).
    """
    return HardNegativeSampler(count, positive_fraction, min_neg=int(count * (1 - positive_fraction)), pool_size=1e6)


def box_loss(deltas: torch.Tensor, target: torch.Tensor, count: int) -> torch.Tensor:
    """Smooth L1 with its corner at 1/9, summed over the boxes and divided by the samples, negative ones included.

    Args:
        deltas, target: encoded boxes ``(N, 4)``.
        count: samples.

    Returns:
        A scalar, 0 without boxes.
    """
    return functional.smooth_l1_loss(deltas.float(), target, beta=1 / 9, reduction="sum") / max(count, 1)


class RegionProposalNetwork(nn.Module):
    """Scores and shifts anchors at every position of a feature pyramid (Ren et al., *Faster R-CNN*, NeurIPS 2015).

    Anchors, box coding, matching (adaptive training sample selection, Zhang et al., CVPR 2020), sampling and
    non-maximum suppression are MONAI's. Random numbers are PyTorch's.

    Args:
        channels: of the features.
        strides: pixels of the image per pixel of each level.
        anchor_sizes: side in pixels of the square anchor of each level.
        aspect_ratios: of the anchors, axis 1 to axis 0.
        before_suppression: proposals of each level that enter non-maximum suppression.
        after_suppression: proposals of an image that leave it, at most.
        overlap: the IoU above which the lower of two proposals is dropped.
        samples: anchors of an image that enter the loss, half of them positive at most.

    Raises:
        ArgumentError: if the sizes and the levels differ in number.

    Example:
        >>> network = RegionProposalNetwork(8, strides=(4, 8), anchor_sizes=(8, 16), after_suppression=5)
        >>> features = [torch.zeros(1, 8, 16, 16), torch.zeros(1, 8, 8, 8)]
        >>> proposals, losses = network(features, (64, 64))
        >>> proposals[0].shape, losses
        (torch.Size([5, 4]), {})
    """

    def __init__(
        self,
        channels: int,
        strides: Sequence[int],
        anchor_sizes: Sequence[int],
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        before_suppression: int = 1000,
        after_suppression: int = 1000,
        overlap: float = 0.7,
        samples: int = 256,
    ) -> None:
        super().__init__()
        if len(anchor_sizes) != len(strides):
            raise ArgumentError(f"anchor_sizes: expected one for each of {len(strides)} levels, got {[*anchor_sizes]}.")
        self.strides = tuple(strides)
        self.anchors = AnchorGenerator([(size,) for size in anchor_sizes], [tuple(aspect_ratios)] * len(strides))
        self.shapes = len(aspect_ratios)
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, self.shapes, 1)
        self.deltas = nn.Conv2d(channels, 4 * self.shapes, 1)
        for layer in (self.convolution, self.objectness, self.deltas):
            initialize(layer, std=0.01)
        self.coder = BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.matcher = ATSSMatcher(num_candidates=4, center_in_gt=False)
        self.sampler = random_sampler(samples, 0.5)
        self.selector = BoxSelector(
            box_overlap_metric=box_overlap,
            score_thresh=-1.0,
            topk_candidates_per_level=before_suppression,
            nms_thresh=overlap,
            detections_per_img=after_suppression,
        )

    def forward(
        self,
        features: Sequence[torch.Tensor],
        size: Sequence[int],
        boxes: Sequence[torch.Tensor] | None = None,
        unlabeled: Sequence[torch.Tensor] | None = None,
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        """Proposals of each image and, with the true boxes, the losses.

        Args:
            features: ``(B, channels, H_l, W_l)`` of each level.
            size: of the images, to which proposals are clipped.
            boxes: the true ones of each image, ``(N_i, 4)`` pixels in MONAI's ``StandardMode``, N_i ≥ 0.
            unlabeled: of each image ``(H, W)``, True where nobody labeled: an anchor without an object, of which 15 %
                lie there, is in no loss, for an object there may be one that it would match. None: all is labeled.

        Returns:
            Proposals of each image, ``(P_i, 4)`` without gradient, best first; and ``rpn_objectness`` (cross-entropy)
            and ``rpn_box`` (see `box_loss`), or nothing without true boxes. Losses without an anchor are 0.
        """
        logits, deltas = [], []
        for feature in features:
            hidden = functional.relu(self.convolution(feature))
            logits.append(self.objectness(hidden).permute(0, 2, 3, 1).flatten(1).float())
            offsets = self.deltas(hidden).unflatten(1, (self.shapes, 4))
            deltas.append(offsets.permute(0, 3, 4, 1, 2).flatten(1, 3).float())
        anchors = self.anchor_boxes(features)
        proposals = self._proposals(logits, deltas, anchors, size)
        if boxes is None:
            return proposals, {}
        unlabeled = unlabeled or [torch.zeros(tuple(size), dtype=torch.bool, device=logits[0].device)] * len(boxes)
        return proposals, self._losses(torch.cat(logits, 1), torch.cat(deltas, 1), anchors, boxes, unlabeled)

    def anchor_boxes(self, features: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """The anchors of each level, by the strides: sizes rounded up would shift those of a coarse level.

        Args:
            features: of each level, ``(B, C, H_l, W_l)``.

        Returns:
            ``(A_l, 4)`` of each level, starts then ends in pixels.
        """
        device = features[0].device
        self.anchors.set_cell_anchors(torch.float32, device)
        strides = [[torch.tensor(stride, device=device)] * 2 for stride in self.strides]
        return self.anchors.grid_anchors([list(feature.shape[2:]) for feature in features], strides)

    @torch.no_grad()
    def _proposals(
        self,
        logits: list[torch.Tensor],
        deltas: list[torch.Tensor],
        anchors: list[torch.Tensor],
        size: Sequence[int],
    ) -> list[torch.Tensor]:
        proposals = []
        for image in range(len(logits[0])):
            boxes = [self.coder.decode_single(d[image], a) for d, a in zip(deltas, anchors, strict=True)]
            scores = [level[image, :, None] for level in logits]
            proposals.append(self.selector.select_boxes_per_image(boxes, scores, list(size))[0])
        return proposals

    def _losses(
        self,
        logits: torch.Tensor,
        deltas: torch.Tensor,
        anchors: list[torch.Tensor],
        boxes: Sequence[torch.Tensor],
        unlabeled: Sequence[torch.Tensor],
    ) -> dict[str, torch.Tensor]:
        positions = [len(level) // self.shapes for level in anchors]
        every = torch.cat(anchors)
        scores, labels, offsets, targets = [], [], [], []
        for image, (truth, hidden) in enumerate(zip(boxes, unlabeled, strict=True)):
            match = torch.full((len(every),), -1, device=every.device)
            if len(truth):
                match = self.matcher(truth.float(), every, positions, self.shapes)[1]
            known = torch.where((match < 0) & (unlabeled_share(every, hidden) >= POSSIBLE), -1, match + 1)
            positive, negative = (mask[0].bool() for mask in self.sampler([known], logits[image].detach()))
            scores += [logits[image, positive], logits[image, negative]]
            labels += [torch.ones_like(scores[-2]), torch.zeros_like(scores[-1])]
            offsets.append(deltas[image, positive])
            targets.append(self.coder.encode_single(truth.float()[match[positive]], every[positive]))
        label = torch.cat(labels)
        objectness = functional.binary_cross_entropy_with_logits(torch.cat(scores), label, reduction="sum")
        return {
            "rpn_objectness": objectness / max(len(label), 1),
            "rpn_box": box_loss(torch.cat(offsets), torch.cat(targets), len(label)),
        }
