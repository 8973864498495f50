"""RoIAlign, features inside boxes sampled to one size, and its way back into the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional

from common.errors import ArgumentError

__all__ = ["paste_masks", "pyramid_roi_align", "roi_align"]


def roi_align(
    features: torch.Tensor,
    boxes: Sequence[torch.Tensor],
    output_size: tuple[int, int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = 2,
) -> torch.Tensor:
    r"""Features of every box, on a grid of cells that lies exactly in it.

    $$ \mathrm{out}_{uv} = \frac{1}{s^2} \sum_{i,j=1}^{s}
       f\!\left(a_0 + \tfrac{u + (i - 1/2)/s}{m_0}(b_0 - a_0) - \tfrac{1}{2},\;
                a_1 + \tfrac{v + (j - 1/2)/s}{m_1}(b_1 - a_1) - \tfrac{1}{2}\right) $$

    with the box from a to b in pixels of the feature map, m₀ × m₁ cells, s² points in each, and f interpolated
    bilinearly between the pixels' centers. Up to one pixel outside of them the outermost pixel continues, beyond f is
    0. He et al., *Mask R-CNN* (ICCV 2017), section 3, without the half-pixel shift of its first code (torchvision's
    ``aligned=True``).

    Args:
        features: ``(B, C, H, W)``; half precision is sampled, and returned, in float32.
        boxes: of each image, ``(N_i, 4)`` pixels of the image, MONAI's ``StandardMode``: first both starts, then both
            ends, the axis H before the axis W.
        output_size: the cells m₀, m₁.
        spatial_scale: pixels of the feature map per pixel of the image.
        sampling_ratio: s, points along each axis of a cell.

    Returns:
        ``(ΣN_i, C, m₀, m₁)``, the first image's boxes first; without boxes of the length 0.

    Raises:
        ArgumentError: if the shapes or the counts do not fit.

    Example:
        >>> image = torch.arange(16.0).view(1, 1, 4, 4)
        >>> roi_align(image, [torch.tensor([[0.0, 0.0, 4.0, 2.0]])], (2, 1))
        tensor([[[[ 2.5000],
                  [10.5000]]]])
    """
    if features.ndim != 4 or len(boxes) != len(features) or any(b.ndim != 2 or b.shape[1] != 4 for b in boxes):
        raise ArgumentError(
            "features and boxes: expected (batch, channel, height, width) and (count, 4) per image, "
            f"got {tuple(features.shape)} and {[tuple(b.shape) for b in boxes]}."
        )
    if min(*output_size, sampling_ratio) < 1 or spatial_scale <= 0:
        raise ArgumentError(
            "output_size, sampling_ratio and spatial_scale: expected counts of at least 1 and a positive scale, "
            f"got {tuple(output_size)}, {sampling_ratio} and {spatial_scale}."
        )
    features = features.as_subclass(torch.Tensor)  # MetaTensor would wrap every single operation
    if features.dtype != torch.float64:
        features = features.float()
    size = features.shape[2:]
    cells = []
    for image, box in zip(features, boxes, strict=True):
        box = box.as_subclass(torch.Tensor).to(features) * spatial_scale - 0.5
        grids, inside = [], []
        for axis in (0, 1):
            count = output_size[axis] * sampling_ratio
            steps = (torch.arange(count, device=box.device, dtype=box.dtype) + 0.5) / count
            start, end = box[:, axis, None], box[:, axis + 2, None]
            points = start + steps * (end - start)
            inside.append((points >= -1) & (points <= size[axis]))
            grids.append((2 * points.clamp(0, size[axis] - 1) + 1) / size[axis] - 1)
        rows, columns = torch.broadcast_tensors(grids[0][:, :, None], grids[1][:, None])
        # all boxes of an image in one column of grids: one call, the image is not copied
        grid = torch.stack((columns, rows), -1).flatten(0, 1)
        sampled = functional.grid_sample(image[None], grid[None], align_corners=False)[0]
        sampled = sampled.view(len(image), len(box), *rows.shape[1:]).transpose(0, 1)
        valid = inside[0][:, None, :, None] & inside[1][:, None, None]
        cells.append(functional.avg_pool2d(sampled * valid, sampling_ratio))
    return torch.cat(cells) if cells else features.new_zeros(0, features.shape[1], *output_size)


def pyramid_roi_align(
    features: Sequence[torch.Tensor],
    strides: Sequence[int],
    boxes: Sequence[torch.Tensor],
    output_size: int,
    sampling_ratio: int = 2,
) -> torch.Tensor:
    r"""`roi_align` of every box on the level of the pyramid that suits its size.

    $$ l = \lfloor l_0 + \log_2(\sqrt{\mathrm{area}} / 224) \rfloor $$

    with l₀ the level of stride 16, so that 14 cells of a box are about as far apart as the features are. Lin et al.,
    *Feature Pyramid Networks for Object Detection* (CVPR 2017), eq. 1.

    Args:
        features: ``(B, C, H_l, W_l)`` of each level, finest first.
        strides: pixels of the image per pixel of each level, each twice the one before.
        boxes: ``(N_i, 4)`` of each image, see `roi_align`.
        output_size: cells along both axes.
        sampling_ratio: points along each axis of a cell.

    Returns:
        ``(ΣN_i, C, output_size, output_size)``, the first image's boxes first.

    Example:
        >>> fine, coarse, box = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 32, 32), torch.tensor([[0.0, 0, 224, 224]])
        >>> pyramid_roi_align([fine, coarse], [8, 16], [box], 1).item()
        1.0
    """
    cells = []
    for image, box in enumerate(boxes):
        sides = (box[:, 2:] - box[:, :2]).clamp_min(0)
        level = (sides.prod(1).sqrt() / (14 * strides[0])).clamp_min(1).log2().long().clamp_max(len(features) - 1)
        out = features[0].new_zeros(len(box), features[0].shape[1], output_size, output_size, dtype=torch.float32)
        for index, (feature, stride) in enumerate(zip(features, strides, strict=True)):
            chosen = (level == index).nonzero()[:, 0]
            if len(chosen):
                part = roi_align(
                    feature[image, None], [box[chosen]], (output_size, output_size), 1 / stride, sampling_ratio
                )
                out = out.to(part.dtype).index_copy(0, chosen, part)
        cells.append(out)
    return torch.cat(cells)


def paste_masks(masks: torch.Tensor, boxes: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Masks of boxes in the image, bilinear between the centers of their cells, 0 outside their boxes.

    A pixel belongs to a box if its center does. Towards the border of the box the outermost cell continues.

    Args:
        masks: ``(N, m₀, m₁)``.
        boxes: ``(N, 4)`` in pixels, see `roi_align`.
        size: of the image, H and W.

    Returns:
        ``(N, H, W)``, float64 for float64, else float32.

    Example:
        >>> paste_masks(torch.tensor([[[0.2], [0.6]]]), torch.tensor([[1.0, 0.0, 3.0, 1.0]]), (4, 2))[0, :, 0]
        tensor([0.0000, 0.2000, 0.6000, 0.0000])
    """
    if masks.dtype != torch.float64:
        masks = masks.float()
    grids, inside = [], []
    for axis in (0, 1):
        cells = masks.shape[axis + 1]
        centers = torch.arange(size[axis], device=masks.device, dtype=masks.dtype) + 0.5
        start, end = boxes[:, axis, None].to(masks), boxes[:, axis + 2, None].to(masks)
        inside.append((centers >= start) & (centers < end))
        relative = (centers - start) / (end - start).clamp_min(torch.finfo(masks.dtype).eps)
        grids.append(2 * relative.clamp(0.5 / cells, 1 - 0.5 / cells) - 1)
    rows, columns = torch.broadcast_tensors(grids[0][:, :, None], grids[1][:, None])
    pasted = functional.grid_sample(masks[:, None], torch.stack((columns, rows), -1), align_corners=False)[:, 0]
    return pasted * (inside[0][:, :, None] & inside[1][:, None])
