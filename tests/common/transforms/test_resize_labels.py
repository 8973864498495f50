"""Class maps of another size."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Resize

from common.errors import InputError
from common.transforms import ResizeLabelsd
from common.transforms.resize_labels import resize_labels


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
