"""Each kind of error is injected into a volume of thick slices and asked for by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.ndimage import affine_transform, distance_transform_edt

from common.audit import Kind, find_kinds, gravest
from common.audit.kinds import GRAVITY
from common.noise import deform_label, sample_gaussian_field

SPACING = (1.0, 1.5, 4.0)
SHAPE = (64, 44, 18)
BORDER = 0.8
Change = Callable[[np.ndarray], np.ndarray]


def ellipsoid(center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(n) * size for n, size in zip(SHAPE, SPACING, strict=True)), indexing="ij")
    return sum(((axis - at) / r) ** 2 for axis, at, r in zip(axes, center, radii, strict=True)) < 1


LEFT = ellipsoid((16, 30, 26), (9, 12, 14))
RIGHT = ellipsoid((47, 34, 34), (11, 9, 16))
SMALL = ellipsoid((30, 52, 52), (5, 6, 8))


def truth() -> np.ndarray:
    """Two organs side by side (1 and 2), and two lesions of the third class, one of them above."""
    label = np.zeros(SHAPE, np.int16)
    label[LEFT], label[RIGHT], label[SMALL] = 1, 2, 3
    label[ellipsoid((31, 15, 20), (5, 6, 9))] = 3
    return label


def kinds(label: np.ndarray, prediction: np.ndarray) -> list[Kind]:
    maps = np.stack([np.where(prediction == index, 0.97, 0.01) for index in range(4)]).astype(np.float32)
    return find_kinds(label, maps, SPACING, BORDER)


def moved(label: np.ndarray, *steps: int) -> np.ndarray:
    return np.roll(label, steps, axis=(0, 1, 2))


def grown(index: int, mm: float) -> Change:
    """A class whose border lies ``mm`` further out (inwards if negative)."""

    def change(label: np.ndarray) -> np.ndarray:
        mask = label == index
        outside = distance_transform_edt(~mask, sampling=SPACING)
        inside = distance_transform_edt(mask, sampling=SPACING)
        new = outside <= mm if mm > 0 else inside > -mm
        return np.where(new & ((label == 0) | mask), index, np.where(mask, 0, label))

    return change


def only(index: int, change: Change) -> Change:
    def of_one(label: np.ndarray) -> np.ndarray:
        mask = change(label == index)
        return np.where(mask, index, np.where(label == index, 0, label))

    return of_one


def exchanged(first: int, second: int) -> Change:
    return lambda label: np.where(label == first, second, np.where(label == second, first, label))


def shaky(label: np.ndarray) -> np.ndarray:
    field = sample_gaussian_field(SHAPE, 3.0, 8.0, torch.Generator().manual_seed(0), spacing=SPACING)
    return deform_label(torch.from_numpy(label)[None, None], field)[0, 0].numpy()


@pytest.mark.parametrize(
    ("name", "structure", "change"),
    [
        ("fine", 0, lambda label: label),
        ("too large", 1, grown(1, 4.5)),
        ("too small", 2, grown(2, -4.5)),
        ("displaced", 0, lambda label: moved(label, 6, 3, 0)),
        ("displaced", 1, only(1, lambda mask: moved(mask, -6, 0, 0))),
        ("shifted by slices", 0, lambda label: moved(label, 0, 0, 2)),
        ("missing", 3, lambda label: np.where(SMALL, 0, label)),
        ("missing", 1, lambda label: np.where(label == 1, 0, label)),
        ("extra", 3, lambda label: np.where(ellipsoid((31, 33, 10), (4, 5, 8)), 3, label)),
        ("left and right exchanged", 0, exchanged(1, 2)),
        ("left and right flipped", 0, lambda label: label[::-1]),
        ("flipped", 0, lambda label: label[:, :, ::-1]),
        ("border shaky", 0, shaky),
    ],
)
def test_each_error_is_named(name: str, structure: int, change: Change) -> None:
    found = kinds(change(truth()), truth())
    assert gravest(found).name == name, found
    assert name == "border shaky" or found[0].structure == structure


def test_classes_one_above_the_other_are_exchanged() -> None:
    label = truth()
    label[label == 3] = 0
    label[moved(LEFT, 0, 0, 8)] = 3
    found = kinds(exchanged(1, 3)(label), label)
    assert [kind.name for kind in found] == ["classes exchanged"]
    assert found[0].message == "classes exchanged: 1 and 3"


def test_another_case_where_nothing_fits() -> None:
    """A cross of two rods: neither moved nor grown nor missing."""
    prediction, label = np.zeros(SHAPE, np.int16), np.zeros(SHAPE, np.int16)
    prediction[ellipsoid((31, 32, 34), (26, 7, 14))] = 1
    label[ellipsoid((31, 32, 34), (7, 26, 14))] = 1
    assert [kind.name for kind in kinds(label, prediction)] == ["another case's label"]


def test_several_errors_are_all_named() -> None:
    label = grown(1, 4.5)(np.where(SMALL, 0, truth()))
    assert [(kind.name, kind.structure) for kind in kinds(label, truth())] == [("missing", 3), ("too large", 1)]


def test_displacement_is_measured_and_said() -> None:
    found = kinds(only(2, lambda mask: moved(mask, 0, 4, 1))(truth()), truth())[0]
    assert found.size == pytest.approx(np.hypot(4 * 1.5, 1 * 4.0))
    assert found.message == "class 2 displaced by 7.2 mm (6 mm to the front, 4 mm up)"
    shifted = kinds(moved(truth(), 0, 0, -2), truth())[0]
    assert (shifted.size, shifted.message) == (2.0, "shifted by 2 slices down")


def test_size_is_measured() -> None:
    found = kinds(grown(1, 4.0)(truth()), truth())[0]
    assert found.name == "too large"
    assert 2.5 < found.size < 4.5


@pytest.mark.parametrize(
    ("spacing", "said"),
    [((2.5, 2.0, 1.9992), "of 1,000 mm³"), ((2.5, 2.0, 1.998), "of 999 mm³"), ((2.5, 5.0, 9.876), "of 12,300 mm³")],
)
def test_sizes_have_three_digits_and_no_powers(spacing: tuple[float, ...], said: str) -> None:
    """Also just below 1000, which three digits make 1000."""
    label, prediction = np.zeros((2, 20, 20, 20), np.int16)
    label[2:7, 2:7, 2:10] = prediction[2:7, 2:7, 2:10] = 1
    prediction[12:17, 12:17, 12:16] = 1  # 100 voxels
    maps = np.stack([np.where(prediction == index, 0.97, 0.03) for index in range(2)]).astype(np.float32)
    (found,) = find_kinds(label, maps, spacing, BORDER)
    assert found.message.endswith(said)


def test_errors_where_nothing_is_labeled_do_not_count() -> None:
    label = np.where(SMALL, 0, truth())
    around = distance_transform_edt(~SMALL, sampling=SPACING) < 3
    assert [kind.name for kind in kinds(np.where(around, -1, label), truth())] == ["fine"]


def test_a_network_that_is_unsure_makes_nothing_missing() -> None:
    label, prediction = np.where(SMALL, 0, truth()), truth()
    maps = np.stack([np.where(prediction == index, 0.97, 0.01) for index in range(4)]).astype(np.float32)
    maps[:, SMALL] = np.array([0.45, 0.0, 0.0, 0.55], np.float32)[:, None]
    assert "missing" not in {kind.name for kind in find_kinds(label, maps, SPACING, BORDER)}


def test_labels_with_the_usual_border_are_fine() -> None:
    for seed in range(5):
        generator = torch.Generator().manual_seed(seed)
        field = sample_gaussian_field(SHAPE, BORDER, 12.0, generator, spacing=SPACING)
        label = deform_label(torch.from_numpy(truth())[None, None], field)[0, 0].numpy()
        assert [kind.name for kind in kinds(label, truth())] == ["fine"]


@pytest.mark.parametrize("axes", [(0, 1), (0, 2)])
def test_what_was_turned_is_displaced(axes: tuple[int, int]) -> None:
    """The label is turned by 25 degrees in millimeters, about a point beside its center."""
    prediction = np.where(truth() > 0, 1, 0)
    size = np.array(SPACING)
    cosine, sine = np.cos(np.radians(25)), np.sin(np.radians(25))
    turn = np.eye(3)
    turn[axes[0], axes[0]] = turn[axes[1], axes[1]] = cosine
    turn[axes[0], axes[1]], turn[axes[1], axes[0]] = -sine, sine
    about = np.array([32.0, 33.0, 32.0])
    label = affine_transform(prediction, turn / size[:, None] * size, (about - turn @ about) / size, order=0)
    found = kinds(label, prediction)
    assert [kind.name for kind in found] == ["displaced"]
    assert float(found[0].message.split("turned by ")[1][:-1]) == pytest.approx(25, abs=4)


def test_left_is_left_in_a_picture() -> None:
    prediction = np.zeros((40, 30), np.int16)
    prediction[15:25, 10:20] = 1
    maps = np.stack([prediction == 0, prediction == 1]).astype(np.float32)
    found = find_kinds(np.roll(prediction, (-5, 3), (0, 1)), maps, (1.0, 1.0), 0.5)[0]
    assert found.message == "displaced by 5.8 mm (5 mm to the left, 3 mm down)"


def test_gravity_has_every_kind_once() -> None:
    assert len(set(GRAVITY)) == len(GRAVITY) == 13
