"""Shifts and rotations read off images of coordinates, against SciPy, and labels that move with their images."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from common.errors import InputError
from common.transforms import AffineBatch
from common.transforms.views import affine_matrix, warp_labels

STILL = {"probability": 1.0, "shift": 0.0, "rotation": 0.0, "smoothing": (1e-3, 1e-3)}


def places(count: int, *shape: int) -> torch.Tensor:
    """``(count, n, *shape)``: each voxel's own place."""
    return torch.from_numpy(np.indices(shape)).double().repeat(count, *[1] * (len(shape) + 1))


def moved(count: int, shape: tuple[int, ...], seed: int = 0, **options: object) -> tuple[torch.Tensor, torch.Tensor]:
    """Image and label of coordinates, augmented."""
    batch = {"image": places(count, *shape), "label": places(count, *shape)}
    return AffineBatch(**{**STILL, **options}).set_random_state(seed)(batch)  # type: ignore[arg-type]


def test_shifts_are_uniform_and_drawn_for_each_image_and_axis() -> None:
    inside = slice(5, -5)
    image, label = moved(400, (16, 16), shift=4.0)
    shifts = (image - places(400, 16, 16))[..., inside, inside].flatten(2)
    assert shifts.std(-1).max() < 1e-6
    shifts = shifts.mean(-1)
    assert shifts.abs().max() <= 4 and shifts.abs().max() > 3.9
    assert shifts.mean(0).abs().max() < 4 / np.sqrt(3 * 400) * 4
    assert shifts.std(0).numpy() == pytest.approx(4 / np.sqrt(3), rel=0.1)
    assert abs(np.corrcoef(shifts.T.numpy())[0, 1]) < 0.2
    assert (label - image)[..., inside, inside].abs().max() <= 0.5 + 1e-6


@pytest.mark.parametrize(("shape", "spacing"), [((17, 15), (1.0, 3.0)), ((13, 11, 9), (1.0, 1.0, 4.0))])
def test_rotations_keep_distances_in_millimeters(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    image, _ = moved(50, shape, rotation=0.1, spacing=spacing)
    sides = torch.tensor(spacing, dtype=torch.float64)
    for k, axis in enumerate(range(2, image.ndim)):  # columns of the Jacobian, in the middle
        middle = [side // 2 for side in shape]
        ahead = [side // 2 + (j == k) for j, side in enumerate(shape)]
        step = (image[(..., *ahead)] - image[(..., *middle)]) * sides / sides[axis - 2]
        assert step.norm(dim=1).numpy() == pytest.approx(1, abs=1e-6)
    turned = (image[(..., middle[0] + 1, *middle[1:])] - image[(..., *middle)])[:, 1] * sides[1] / sides[0]
    angles = turned.asin()
    if len(shape) == 2:
        assert angles.abs().max() <= 0.1 and angles.abs().max() > 0.09 and angles.mean().abs() < 0.03


def test_an_image_is_changed_with_its_probability_and_others_stay() -> None:
    image, label = moved(400, (12, 12), probability=0.3, shift=4.0, rotation=0.3, smoothing=(0.5, 1.0))
    same = (image == places(400, 12, 12)).flatten(1).all(1)
    assert torch.equal(same, (label == places(400, 12, 12)).flatten(1).all(1))
    assert same.double().mean().item() == pytest.approx(0.7, abs=0.08)
    untouched, _ = moved(8, (12, 12), probability=0.0, shift=4.0)
    assert torch.equal(untouched, places(8, 12, 12))


@pytest.mark.parametrize("shape", [(9, 12), (7, 9, 8)])
def test_labels_take_the_nearest_voxel_as_in_scipy(shape: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(0)
    label = torch.randint(-1, 3, (3, 1, *shape), generator=generator)
    planes = len(shape) * (len(shape) - 1) // 2
    shifts = torch.rand(3, len(shape), generator=generator) * 4 - 2
    matrix = affine_matrix(torch.full((3, planes), 11.0), shifts, torch.ones(3), torch.zeros(3, planes))
    found = warp_labels(label, matrix)
    for one, each, values in zip(label[:, 0].numpy(), torch.linalg.inv(matrix).numpy(), found[:, 0], strict=True):
        center = (np.array(shape) - 1) / 2
        offset = each[:-1, -1] + center - each[:-1, :-1] @ center
        expected = ndimage.affine_transform(one, each[:-1, :-1], offset, order=0, mode="nearest")
        np.testing.assert_array_equal(values.numpy(), expected)


def test_every_label_keeps_its_values_and_its_type() -> None:
    label = torch.randint(-1, 3, (6, 1, 10, 10), dtype=torch.int16)
    batch = {"image": torch.rand(6, 2, 10, 10), "label": label, "clean_label": label.clone(), "case": list("abcdef")}
    augment = AffineBatch(("label", "clean_label"), probability=1.0).set_random_state(1)
    image, target = augment(batch)
    assert image.dtype == torch.float32 and target is batch["label"] and target.dtype == torch.int16
    assert set(target.unique().tolist()) <= {-1, 0, 1, 2} and torch.equal(target, batch["clean_label"])
    assert not torch.equal(target, label)
    without = {"image": torch.rand(6, 2, 10, 10), "label": label}
    augment(without)
    assert without.keys() == {"image", "label"}


def test_a_constant_image_stays_so_to_its_border() -> None:
    """MONAI's Gaussian filter counts what is outside as 0."""
    batch = {"image": torch.full((4, 1, 8, 8), 3.0), "label": torch.zeros(4, 1, 8, 8)}
    image, _ = AffineBatch(probability=1.0).set_random_state(0)(batch)
    torch.testing.assert_close(image, torch.full_like(image, 3.0))


def test_the_same_seed_draws_the_same() -> None:
    first, second, other = (moved(4, (8, 8), seed, shift=2.0, rotation=0.3)[0] for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, other)


@pytest.mark.parametrize(
    "options",
    [{"probability": 1.5}, {"shift": -1.0}, {"rotation": float("inf")}, {"smoothing": (0, 1)}, {"smoothing": (2, 1)}],
)
def test_what_cannot_be_drawn_is_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=f"{next(iter(options))}: expected"):
        AffineBatch(**options)  # type: ignore[arg-type]
