"""Class maps of another size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resize

from common.errors import InputError
from common.transforms import AxisSpacingd, AxisSpacingLabelsd, ResizeLabelsd
from common.transforms.resize_labels import resample_labels, resize_labels


def largest_share(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """By counting, for sizes that divide: −1 is a class of its own, ties go to the smallest class, −1 is the last."""
    rows, columns = labels.shape[0] // size[0], labels.shape[1] // size[1]
    result = np.empty(size)
    for i in range(size[0]):
        for j in range(size[1]):
            block = labels[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
            values = [*sorted(v for v in np.unique(block) if v >= 0), -1]
            counts = [(block == value).sum() for value in values]
            result[i, j] = values[int(np.argmax(counts))]
    return result


@pytest.mark.parametrize("seed", range(5))
def test_each_pixel_has_the_class_of_the_largest_share(seed: int) -> None:
    labels = np.random.default_rng(seed).integers(-1, 4, (12, 8))
    expected = largest_share(labels, (4, 4))
    assert np.array_equal(resize_labels(torch.tensor(labels[None]).float(), (4, 4))[0].numpy(), expected)


def test_a_binary_mask_is_parted_at_half_of_the_area_as_its_image_is() -> None:
    mask = torch.zeros(1, 30, 30)
    mask[0, 7:22, 4:17] = 1
    share = Resize((8, 8), mode="area")(mask)
    assert torch.equal(resize_labels(mask, (8, 8)), (share > 0.5).float())


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
        np.sort(random.uniform(-0.4, size - 0.6, count)) for size, count in zip(labels.shape, (7, 4, 5), strict=True)
    ]
    values = [0, 1, 2, -1]
    shares = np.stack([shares_on_lines(labels, positions, value) for value in values])
    found = resample_labels(torch.tensor(labels[None]).float(), [torch.tensor(along) for along in positions])
    assert np.array_equal(found[0].numpy(), np.take(values, shares.argmax(0)))


@pytest.mark.parametrize("side", [0.97, 1.027, 1.3, 2.0])
def test_a_ball_keeps_its_volume_and_lies_where_its_image_does(side: float) -> None:
    """The nearest voxel would leave out, or repeat, a plane of each axis: 15 % of the ball at 1.027 mm."""
    axes = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (34, 36, 30)), indexing="ij")
    ball = (sum((axis - center) ** 2 for axis, center in zip(axes, (15.3, 17.1, 14.6), strict=True)) < 64).float()
    affine = torch.tensor([[0, -1.0, 0, 5], [1, 0, 0.2, 0], [0, 0, 1, -3], [0, 0, 0, 1]], dtype=torch.float64)
    item = {key: MetaTensor(ball[None], affine=affine) for key in ("image", "label")}
    item = AxisSpacingLabelsd("label", [side] * 3)(AxisSpacingd("image", [side] * 3)(item))
    assert torch.equal(item["label"].affine, item["image"].affine)
    assert item["label"].shape == item["image"].shape and item["label"].unique().tolist() == [0, 1]
    volume = float(item["label"].sum()) * abs(float(torch.linalg.det(item["label"].affine[:3, :3])))
    assert volume == pytest.approx(float(ball.sum()), rel=0.06)


def test_a_grid_that_stays_and_a_volume_without_an_affine() -> None:
    labels = torch.randint(-1, 300, (2, 3, 4, 5))
    same = AxisSpacingLabelsd("label", [-1, 1.0, -1])({"label": MetaTensor(labels.float(), affine=torch.eye(4))})
    assert torch.equal(same["label"].as_tensor(), labels.float())
    with pytest.raises(InputError, match="Case a, label: expected a volume with an affine"):
        AxisSpacingLabelsd("label", [1, 1, 1])({"label": labels.float(), "case": "a"})
