"""RoIAlign against the definition, point by point in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from common.errors import ArgumentError
from common.networks import roi_align
from common.networks.region_align import paste_masks, pyramid_roi_align


def value(image: torch.Tensor, y: float, x: float) -> torch.Tensor:
    """Bilinear interpolation of ``(C, H, W)`` at pixel coordinates."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return torch.zeros(len(image), dtype=image.dtype)
    y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
    top, left = min(math.floor(y), height - 1), min(math.floor(x), width - 1)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    upper = image[:, top, left] * (1 - u) + image[:, top, right] * u
    lower = image[:, bottom, left] * (1 - u) + image[:, bottom, right] * u
    return upper * (1 - v) + lower * v


def by_loops(features, boxes, output_size, scale, ratio):
    cells = []
    for image, box_list in zip(features.double(), boxes, strict=True):
        for y0, x0, y1, x1 in (box_list.double() * scale - 0.5).tolist():
            out = torch.zeros(len(image), *output_size, dtype=torch.float64)
            for u in range(output_size[0]):
                for v in range(output_size[1]):
                    for i in range(ratio):
                        for j in range(ratio):
                            y = y0 + (u + (i + 0.5) / ratio) * (y1 - y0) / output_size[0]
                            x = x0 + (v + (j + 0.5) / ratio) * (x1 - x0) / output_size[1]
                            out[:, u, v] += value(image, y, x) / ratio**2
            cells.append(out)
    return torch.stack(cells) if cells else torch.zeros(0, features.shape[1], *output_size, dtype=torch.float64)


def draw(seed: int, counts: list[int], size: tuple[int, int], scale: float) -> tuple[torch.Tensor, list[torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(len(counts), 2, *size, generator=generator, dtype=torch.float64)
    extent = torch.tensor(size * 2) / scale
    boxes = []
    for count in counts:
        corners = torch.rand(count, 2, 2, generator=generator, dtype=torch.float64).sort(1).values.view(count, 4)
        boxes.append((1.4 * corners - 0.2) * extent)  # some reach out of the image
    return features, boxes


@pytest.mark.parametrize("ratio", [1, 2, 3])
@pytest.mark.parametrize("output_size", [(1, 1), (3, 2), (7, 7)], ids=str)
@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    counts=st.lists(st.integers(0, 2), min_size=1, max_size=2),
    size=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    scale=st.sampled_from([1.0, 0.25, 0.1]),
)
def test_values_of_the_definition(seed, counts, size, scale, output_size, ratio) -> None:
    features, boxes = draw(seed, counts, size, scale)
    expected = by_loops(features, boxes, output_size, scale, ratio)
    torch.testing.assert_close(roi_align(features, boxes, output_size, scale, ratio), expected)


def test_a_box_of_the_whole_image_is_the_image() -> None:
    image = torch.randn(1, 3, 5, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(roi_align(image, [torch.tensor([[0, 0, 5, 6]])], (5, 6), sampling_ratio=1), image)
    shifted = roi_align(image, [torch.tensor([[1.0, 2, 4, 5]])], (3, 3), sampling_ratio=1)
    torch.testing.assert_close(shifted, image[:, :, 1:4, 2:5])


def test_a_linear_image_keeps_its_values_at_the_centers_of_the_cells() -> None:
    rows = torch.arange(20.0)[:, None].expand(20, 20)[None, None]
    out = roi_align(rows, [torch.tensor([[8.0, 8.0, 32.0, 30.0]])], (4, 2), spatial_scale=0.5)
    torch.testing.assert_close(out[0, 0, :, 0], torch.tensor([5.0, 8.0, 11.0, 14.0]))


def test_far_outside_is_zero_and_just_outside_the_border() -> None:
    ones = torch.ones(1, 1, 4, 4)
    far, near = torch.tensor([[10.0, 10, 12, 12]]), torch.tensor([[-0.4, -0.4, 0, 0]])
    assert roi_align(ones, [far], (2, 2)).sum() == 0
    torch.testing.assert_close(roi_align(ones, [near], (2, 2)), torch.ones(1, 1, 2, 2))


def test_images_keep_their_boxes() -> None:
    features = torch.stack([torch.full((1, 4, 4), float(i)) for i in range(3)])
    box = torch.tensor([[0.0, 0, 3, 3]])
    out = roi_align(features, [box, box[:0], box.repeat(2, 1)], (1, 1))
    assert out.flatten().tolist() == [0, 2, 2]


def test_gradients() -> None:
    features, boxes = draw(0, [2, 1], (4, 5), 0.5)
    features.requires_grad_()
    assert torch.autograd.gradcheck(lambda f: roi_align(f, boxes, (2, 3), 0.5), features)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_half_precision_is_sampled_in_float32(dtype: torch.dtype) -> None:
    features, boxes = draw(0, [3], (6, 6), 1.0)
    features = features.to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        out = roi_align(features, [boxes[0].float()], (3, 3))
    assert out.dtype == torch.float32
    torch.testing.assert_close(out.double(), by_loops(features, boxes, (3, 3), 1.0, 2), rtol=1e-4, atol=1e-4)


def test_nothing_gives_nothing() -> None:
    assert roi_align(torch.zeros(2, 3, 4, 4), [torch.zeros(0, 4)] * 2, (5, 6)).shape == (0, 3, 5, 6)
    assert roi_align(torch.zeros(0, 3, 4, 4), [], (5, 6)).shape == (0, 3, 5, 6)


def test_meta_tensors_give_a_plain_tensor() -> None:
    out = roi_align(MetaTensor(torch.zeros(1, 1, 4, 4)), [MetaTensor(torch.tensor([[0.0, 0, 2, 2]]))], (2, 2))
    assert type(out) is torch.Tensor


def test_wrong_arguments_are_named() -> None:
    features, box = torch.zeros(2, 1, 4, 4), torch.zeros(1, 4)
    for wrong in ([box], [box, box[0]], [box, torch.zeros(1, 5)]):
        with pytest.raises(ArgumentError, match=r"features and boxes: .*got"):
            roi_align(features, wrong, (2, 2))
    for arguments in (((0, 2), 1.0, 2), ((2, 2), 0.0, 2), ((2, 2), 1.0, 0)):
        with pytest.raises(ArgumentError, match=r"output_size, sampling_ratio and spatial_scale: .*got"):
            roi_align(features, [box, box], *arguments)


def test_every_box_is_read_on_the_level_of_its_size() -> None:
    levels = [torch.full((2, 1, 64 // 2**i, 64 // 2**i), float(i)) for i in range(4)]
    sides = [4.0, 111.0, 113.0, 224.0, 447.0, 449.0, 5000.0]
    boxes = torch.tensor([[100.0, 100, 100 + side, 100 + side] for side in sides]) / 100
    out = pyramid_roi_align(levels, [4, 8, 16, 32], [boxes[:0], boxes * 0 + torch.tensor([[0, 0, 1, 1]])], 2)
    assert out.shape == (7, 1, 2, 2) and (out == 0).all()
    small = [torch.tensor([[0.0, 0, side, side]]) for side in sides]
    found = [pyramid_roi_align([f[:1] for f in levels], [4, 8, 16, 32], [b], 1, 1).item() for b in small]
    assert [round(value) for value in found[:3]] == [0, 0, 1]
    assert found[4] == pytest.approx(2) and found[5] == pytest.approx(3)


def test_levels_keep_the_order_of_the_boxes_and_pass_gradients() -> None:
    features, boxes = draw(3, [3, 2], (32, 32), 0.25)
    coarse = torch.nn.functional.avg_pool2d(features, 2)
    boxes[0][1], boxes[1][0] = torch.tensor([0.0, 0, 120, 118]), torch.tensor([5.0, 3, 128, 125])
    fine_first = [roi_align(features, boxes, (3, 3), 1 / 4), roi_align(coarse, boxes, (3, 3), 1 / 8)]
    sides = torch.cat(boxes)[:, 2:] - torch.cat(boxes)[:, :2]
    level = (sides.clamp_min(0).prod(1).sqrt() >= 112).long()
    assert 0 < level.sum() < 5
    expected = torch.stack([fine_first[index][row] for row, index in enumerate(level.tolist())])
    levels = [features.requires_grad_(), coarse.requires_grad_()]
    out = pyramid_roi_align(levels, [4, 8], boxes, 3)
    torch.testing.assert_close(out, expected.detach())
    out.sum().backward()
    assert all(feature.grad is not None and feature.grad.abs().sum() > 0 for feature in levels)


def pasted_by_loops(mask: torch.Tensor, box: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Each pixel's center in units of cells, the mask interpolated between the cells' centers, its border continued."""
    out = torch.zeros(size, dtype=torch.float64)
    start, end = box[:2].tolist(), box[2:].tolist()
    for row in range(size[0]):
        for column in range(size[1]):
            center = (row + 0.5, column + 0.5)
            if all(start[i] <= center[i] < end[i] for i in (0, 1)):
                place = [(center[i] - start[i]) / (end[i] - start[i]) * mask.shape[i] - 0.5 for i in (0, 1)]
                place = [min(max(place[i], 0), mask.shape[i] - 1) for i in (0, 1)]
                out[row, column] = value(mask[None], *place)[0]
    return out


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.tuples(st.integers(1, 6), st.integers(1, 6)))
def test_pasted_masks_are_those_of_the_definition(seed: int, cells: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(3, *cells, generator=generator, dtype=torch.float64)
    corners = torch.rand(3, 2, 2, generator=generator, dtype=torch.float64).sort(1).values.flatten(1) * 14 - 2
    expected = torch.stack([pasted_by_loops(mask, box, (9, 8)) for mask, box in zip(masks, corners, strict=True)])
    torch.testing.assert_close(paste_masks(masks, corners, (9, 8)), expected)


def test_a_mask_of_ones_fills_exactly_its_box() -> None:
    out = paste_masks(torch.ones(1, 5, 5), torch.tensor([[2.0, 1.0, 7.0, 4.0]]), (10, 6))
    expected = torch.zeros(1, 10, 6)
    expected[:, 2:7, 1:4] = 1
    assert torch.equal(out, expected)


def test_cut_out_and_pasted_back_a_smooth_mask_is_itself() -> None:
    rows, columns = torch.meshgrid(torch.linspace(0, 3, 48), torch.linspace(0, 3, 48), indexing="ij")
    image = 0.5 + 0.5 * (rows.sin() * columns.cos())
    box = torch.tensor([[7.3, 9.1, 40.2, 35.7]])
    back = paste_masks(roi_align(image[None, None], [box], (28, 28))[:, 0], box, image.shape)[0]
    inside = back > 0
    assert 800 < inside.sum() < 950
    assert (back - image)[inside].abs().max() < 0.03


def test_no_masks_give_no_images() -> None:
    assert paste_masks(torch.zeros(0, 3, 3), torch.zeros(0, 4), (5, 6)).shape == (0, 5, 6)
