"""Class maps of another size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.errors import InputError
from common.transforms import AxisSpacingd, AxisSpacingLabelsd, ResizeLabelsd
from common.transforms.resize_labels import resample_labels, resize_labels


def covered(old: int, new: int) -> np.ndarray:
    """``(new, old)``: which share of a new pixel is which old one."""
    edges = np.arange(new + 1) * old / new
    ends = np.minimum(edges[1:, None], np.arange(1, old + 1)), np.maximum(edges[:-1, None], np.arange(old))
    return (ends[0] - ends[1]).clip(0) * new / old


def largest_of(shares: np.ndarray, values: list[int]) -> np.ndarray:
    """Of equal shares the smallest class where the indices have an even number of binary ones, else the largest; −1,
    the last, never."""
    rounded = np.round(shares, 9)
    smallest = rounded.argmax(0)
    classes = rounded[: values.index(-1)]
    largest = np.where(classes.max(0) == rounded.max(0), len(classes) - 1 - classes[::-1].argmax(0), smallest)
    ones = np.vectorize(lambda *indices: sum(index.bit_count() for index in map(int, indices)))
    return np.take(values, np.where(ones(*np.indices(smallest.shape)) % 2, largest, smallest))


@pytest.mark.parametrize(("size", "seed"), [((4, 4), 0), ((4, 2), 1), ((5, 7), 2), ((13, 11), 3), ((30, 8), 4)])
def test_each_pixel_has_the_class_of_the_largest_share(size: tuple[int, int], seed: int) -> None:
    labels, values = np.random.default_rng(seed).integers(-1, 4, (12, 8)), [0, 1, 2, 3, -1]
    rows, columns = (covered(old, new) for old, new in zip(labels.shape, size, strict=True))
    shares = np.stack([rows @ (labels == value) @ columns.T for value in values])
    found = resize_labels(torch.tensor(labels[None]).float(), size)[0].numpy()
    assert np.array_equal(found, largest_of(shares, values))


@pytest.mark.parametrize(("old", "new"), [(300, 200), (300, 256), (200, 256), (300, 299), (300, 150)])
def test_disks_keep_their_area(old: int, new: int) -> None:
    """PyTorch's ``area`` with ties for the background: 5 to 10 % less, and as much at whole factors."""
    axis = np.arange(old) + 0.5
    before = after = 0.0
    for index, radius in enumerate(np.linspace(0.02, 0.08, 12) * old):
        center = np.array([0.3, 0.4]) * old + np.random.default_rng(index).uniform(-5, 5, 2)
        disk = ((axis[:, None] - center[0]) ** 2 + (axis[None] - center[1]) ** 2 < radius**2).astype(np.float32)
        before += disk.sum()
        after += float(resize_labels(torch.from_numpy(disk)[None], (new, new)).sum()) * (old / new) ** 2
    assert after == pytest.approx(before, rel=0.02)


def test_the_field_of_view_stays() -> None:
    labels = MetaTensor(
        torch.zeros(1, 6, 4), affine=torch.diag(torch.tensor([1.0, 2.0, 1.0, 1.0], dtype=torch.float64))
    )
    resized = resize_labels(labels, (3, 8))
    corner = resized.affine @ torch.tensor([-0.5, -0.5, 0.0, 1.0], dtype=torch.float64)
    end = resized.affine @ torch.tensor([2.5, 7.5, 0.0, 1.0], dtype=torch.float64)
    torch.testing.assert_close(corner[:2], labels.affine[:2] @ torch.tensor([-0.5, -0.5, 0, 1], dtype=torch.float64))
    torch.testing.assert_close(end[:2], labels.affine[:2] @ torch.tensor([5.5, 3.5, 0, 1], dtype=torch.float64))


def test_volumes_and_several_annotators() -> None:
    labels = torch.stack([torch.full((4, 4, 4), 2.0), torch.full((4, 4, 4), -1.0)])
    item = ResizeLabelsd(["annotators", "label"], (2, 3, 5), allow_missing_keys=True)({"annotators": labels})
    assert item["annotators"].shape == (2, 2, 3, 5)
    assert item["annotators"][0].unique().tolist() == [2] and item["annotators"][1].unique().tolist() == [-1]


def test_an_empty_class_map_stays_empty() -> None:
    assert resize_labels(torch.zeros(1, 5, 5), (3, 7)).sum() == 0


def test_another_number_of_sides_is_refused() -> None:
    with pytest.raises(InputError, match="expected 2 sides"):
        resize_labels(torch.zeros(1, 4, 4), (2, 2, 2))


def shares_on_lines(labels: np.ndarray, positions: list[np.ndarray], value: float) -> np.ndarray:
    """Share of a value at new voxels, by weighing the eight neighbors of each in float64."""
    shares = np.zeros([len(along) for along in positions])
    for voxel in np.ndindex(shares.shape):
        for corner in np.ndindex(2, 2, 2):
            weight, place = 1.0, []
            for index, (along, size) in enumerate(zip(positions, labels.shape, strict=True)):
                position = min(max(along[voxel[index]], 0.0), size - 1.0)
                below = min(int(position), size - 1)
                weight *= position - below if corner[index] else 1 - (position - below)
                place.append(min(below + corner[index], size - 1))
            shares[voxel] += weight * (labels[tuple(place)] == value)
    return shares


@pytest.mark.parametrize("seed", range(4))
def test_each_voxel_has_the_class_of_the_largest_share_between_its_neighbors(seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.integers(-1, 3, (6, 5, 4)) if seed else np.pad(np.full((2, 1, 2), 2), ((2, 2), (4, 0), (0, 2)))
    positions = [
        np.sort(random.uniform(-0.4, size - 0.6, count)) if seed < 3 else np.arange(0, size - 0.9, 0.5)
        for size, count in zip(labels.shape, (7, 4, 5), strict=True)
    ]
    values = [0, 1, 2, -1]
    shares = np.stack([shares_on_lines(labels, positions, value) for value in values])
    found = resample_labels(torch.tensor(labels[None]).float(), [torch.tensor(along) for along in positions])
    assert np.array_equal(found[0].numpy(), largest_of(shares, values))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("side", [0.5, 0.97, 1.027, 1.3, 1.5, 2.0, 2.5])
def test_a_ball_keeps_its_volume_and_lies_where_its_image_does(side: float, swapped: bool) -> None:
    """The nearest voxel would leave out, or repeat, a plane of each axis: 15 % of the ball at 1.027 mm; if
    the background had all ties, 7 to 9 % would be lost at 0.5, 1.5 and 2.5 mm."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (34, 36, 30)), indexing="ij")
    ball = (sum((axis - center) ** 2 for axis, center in zip(axes, (15.3, 17.1, 14.6), strict=True)) < 64).float()
    ball = 1 - ball if swapped else ball  # the object is the smaller class
    affine = torch.tensor([[0, -1.0, 0, 5], [1, 0, 0.2, 0], [0, 0, 1, -3], [0, 0, 0, 1]], dtype=torch.float64)
    item = {key: MetaTensor(ball[None], affine=affine) for key in ("image", "label")}
    item = AxisSpacingLabelsd("label", [side] * 3)(AxisSpacingd("image", [side] * 3)(item))
    assert torch.equal(item["label"].affine, item["image"].affine)
    assert item["label"].shape == item["image"].shape and item["label"].unique().tolist() == [0, 1]
    volume = float((item["label"] != swapped).sum()) * abs(float(torch.linalg.det(item["label"].affine[:3, :3])))
    assert volume == pytest.approx(float((ball != swapped).sum()), rel=0.045)


def test_a_grid_that_stays_and_a_volume_without_an_affine() -> None:
    labels = torch.randint(-1, 300, (2, 3, 4, 5))
    same = AxisSpacingLabelsd("label", [-1, 1.0, -1])({"label": MetaTensor(labels.float(), affine=torch.eye(4))})
    assert torch.equal(same["label"].as_tensor(), labels.float())
    with pytest.raises(InputError, match="Case a, label: expected a volume with an affine"):
        AxisSpacingLabelsd("label", [1, 1, 1])({"label": labels.float(), "case": "a"})
