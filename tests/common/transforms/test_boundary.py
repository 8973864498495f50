"""λ(r) against distances taken between all pairs of voxels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import CacheDataset, MetaTensor
from monai.transforms import RandomizableTrait

from common.errors import InputError
from common.transforms import BoundaryBandLabeld, BoundaryWeight, BoundaryWeightd, boundary_distance, boundary_weight

few = settings(max_examples=40, deadline=None)
shapes = st.one_of(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)),
)


def by_definition(label: torch.Tensor, spacing: list[float] | None = None) -> torch.Tensor:
    """min over the foreground classes c of the distance to the nearest voxel of the other side of c, in float64."""
    places = torch.from_numpy(np.argwhere(np.ones(label.shape))).double()
    if spacing is not None:
        places = places * torch.tensor(spacing, dtype=torch.float64)
    between = (places[:, None] - places[None]).square().sum(-1).sqrt()
    distance = torch.full((label.numel(),), math.inf, dtype=torch.float64)
    for c in range(1, int(label.max()) + 1):
        inside = (label == c).flatten()
        if inside.any() and not inside.all():
            other_side = inside[:, None] != inside[None]
            distance = distance.minimum(between.where(other_side, math.inf).min(1).values)
    return distance.view(label.shape)


def weight_by_definition(label: torch.Tensor, radius: float, high: float, low: float, **options) -> torch.Tensor:
    return high * (radius - by_definition(label, **options)).clamp_min(0) / radius + low


def random_label(shape: tuple[int, ...], seed: int, foreground: float = 0.3) -> torch.Tensor:
    """Single voxels and small blobs of three classes, of which some may be absent."""
    generator = np.random.default_rng(seed)
    classes = generator.choice([1, 2, 5], size=shape) * (generator.random(shape) < foreground)
    coarse = generator.choice([0, 1, 2, 5], size=[-(-side // 3) for side in shape])
    for axis, side in enumerate(shape):
        coarse = coarse.repeat(3, axis).take(range(side), axis)
    return torch.from_numpy(np.where(generator.random() < 0.5, coarse, classes))


@few
@given(shapes, st.integers(0, 2**31), st.floats(0.5, 12), st.floats(0, 3), st.floats(0, 1))
def test_weight_is_that_of_the_definition(shape, seed, radius, high, low):
    label = random_label(shape, seed)
    expected = weight_by_definition(label, radius, high, low)
    torch.testing.assert_close(boundary_weight(label, radius, high, low).double(), expected, rtol=2e-7, atol=1e-7)


@few
@given(st.integers(0, 2**31), st.floats(0.5, 12), st.lists(st.floats(0.3, 4), min_size=3, max_size=3))
def test_distances_in_millimeters(seed, limit, spacing):
    for shape in ((8, 7), (5, 4, 5)):
        label, sides = random_label(shape, seed, 0.1), spacing[: len(shape)]
        expected = by_definition(label, sides)
        torch.testing.assert_close(boundary_distance(label, spacing=sides).double(), expected, rtol=2e-7, atol=0)
        near = expected.where(expected < limit, math.inf)
        limited = boundary_distance(label, limit, sides).double().where((expected - limit).abs() > 1e-9, near)
        torch.testing.assert_close(limited, near, rtol=2e-7, atol=0)


@few
@given(st.integers(0, 2**31), st.integers(0, 2))
def test_each_slice_of_a_volume_is_an_image_of_its_own(seed, axis):
    label = random_label((5, 4, 6), seed)
    label.select(axis, 1).fill_(2)  # a class that fills a slice
    spacing = [1.0, 2.0, 0.5]
    weight = boundary_weight(label, 3.0, 1.0, 0.01, spacing, slice_axis=axis)
    in_plane = spacing[:axis] + spacing[axis + 1 :]
    for one, label_of_one in zip(weight.unbind(axis), label.unbind(axis), strict=True):
        expected = weight_by_definition(label_of_one, 3.0, 1.0, 0.01, spacing=in_plane)
        torch.testing.assert_close(one.double(), expected, rtol=2e-7, atol=1e-7)
    assert (weight.select(axis, 1) == torch.tensor(0.01)).all()


def test_closed_forms():
    line = torch.zeros(1, 40, dtype=torch.int64)
    line[0, 20] = 1  # one voxel, which has r = 1 like both of its neighbors
    expected = (torch.arange(40.0) - 20).abs().clamp_min(1)
    torch.testing.assert_close(boundary_distance(line)[0], expected)
    torch.testing.assert_close(boundary_weight(line)[0], (1 - expected / 10).clamp_min(0) + 0.01)
    line[0, 21:] = 2  # touching classes: the voxel before the second class is both classes' boundary
    assert boundary_distance(line)[0].tolist() == [*range(20, 0, -1), 1, *range(1, 20)]
    corner = torch.zeros(5, 5)
    corner[0, 0] = 7
    assert boundary_distance(corner)[3, 4] == 5
    assert boundary_distance(corner, limit=5)[3, 4] == math.inf


@pytest.mark.parametrize(("radius", "largest"), [(10.0, 0.91), (3.0, 0.6767), (1.0, 0.01)])
def test_the_largest_weight_is_that_one_voxel_from_the_boundary(radius, largest):
    """λ_max (R − 1)/R + λ_min, since r is at least one voxel; a radius of one voxel weighs nothing."""
    label = torch.zeros(9, 9)
    label[2:7, 2:7] = 1
    assert boundary_weight(label, radius).max().item() == pytest.approx(largest, abs=5e-5)
    in_mm = boundary_weight(label, 3 * radius, spacing=[3.0, 3.0])  # of voxels of 3 mm
    torch.testing.assert_close(in_mm, boundary_weight(label, radius))


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (4, 5), (1, 1, 1), (3, 1, 4)])
@pytest.mark.parametrize("value", [0, 1, 3])
def test_nothing_and_everything_have_no_boundary(shape, value):
    label = torch.full(shape, value)
    assert boundary_distance(label).isinf().all()
    weight = boundary_weight(label, lambda_min=0.25)
    assert weight.shape == shape and weight.dtype == torch.float32 and (weight == 0.25).all()


def test_an_absent_class_and_an_empty_image():
    label = torch.zeros(8, 8, dtype=torch.int16)
    label[2:4, 2:4] = 3
    renamed = label.clone()
    renamed[label == 3] = 1
    assert torch.equal(boundary_weight(label), boundary_weight(renamed))
    assert boundary_weight(torch.zeros(0, 5)).shape == (0, 5)
    assert boundary_weight(torch.zeros(4, 5, 0), slice_axis=2).shape == (4, 5, 0)


@few
@given(st.integers(0, 2**31))
def test_names_of_classes_and_mirroring_do_not_matter(seed):
    label = random_label((9, 8), seed)
    weight = boundary_weight(label, 4.0)
    assert torch.equal(boundary_weight(label.flip(0), 4.0), weight.flip(0))
    assert torch.equal(boundary_weight(label.T, 4.0), weight.T)
    other = torch.tensor([0, 5, 1, 0, 0, 2])[label]
    assert torch.equal(boundary_weight(other, 4.0), weight)


@pytest.mark.parametrize("dtype", [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.float64])
def test_labels_of_any_dtype(dtype):
    label = torch.zeros(6, 6)
    label[2:4, 1:4] = 1
    assert torch.equal(boundary_weight(label.to(dtype)), boundary_weight(label))


def test_transform_keeps_metadata_and_measures_in_millimeters():
    label = MetaTensor(random_label((6, 5, 4), 0)[None], affine=torch.diag(torch.tensor([0.5, 2.0, 5.0, 1.0])))
    item = BoundaryWeightd("label", radius=4.0, millimetres=True)({"label": label})
    assert isinstance(item["label_weight"], MetaTensor) and torch.equal(item["label_weight"].affine, label.affine)
    expected = boundary_weight(label[0].as_tensor(), 4.0, spacing=[0.5, 2.0, 5.0])
    assert torch.equal(item["label_weight"].as_tensor()[0], expected)
    sliced = BoundaryWeight(radius=4.0, millimetres=True, slice_axis=2)(label)
    expected = boundary_weight(label[0].as_tensor(), 4.0, spacing=[0.5, 2.0, 5.0], slice_axis=2)
    assert torch.equal(sliced.as_tensor()[0], expected)
    assert not isinstance(BoundaryWeight(), RandomizableTrait)  # or MONAI would not cache it


def test_transform_takes_arrays_and_is_cached():
    label = random_label((7, 7), 1)
    dataset = CacheDataset([{"label": label[None].numpy()}], BoundaryWeightd("label"), progress=False)
    assert torch.equal(dataset[0]["label_weight"].as_tensor()[0], boundary_weight(label))
    assert "other_weight" not in BoundaryWeightd(("label", "other"), allow_missing_keys=True)({"label": label[None]})


def test_band_label_is_minus_one_outside_of_the_band():
    label = random_label((9, 9), 3, foreground=0.02)
    item = BoundaryBandLabeld("label", radius=2.5)({"label": label[None]})
    inside = boundary_distance(label) < 2.5
    assert 0 < inside.sum() < inside.numel()
    assert torch.equal(item["label_band"][0][inside], label[inside].float())
    assert (item["label_band"][0][~inside] == -1).all()


@pytest.mark.parametrize("radius", [0, -1, math.inf, math.nan])
def test_refuses_a_radius(radius):
    for make in (BoundaryWeight, lambda radius: BoundaryBandLabeld("label", radius=radius)):
        with pytest.raises(InputError, match=f"radius: .* got {radius}"):
            make(radius=radius)


def test_refuses():
    for name in ("lambda_max", "lambda_min"):
        for value in (-0.1, math.nan, math.inf):
            with pytest.raises(InputError, match=f"{name}: .* got {value}"):
                boundary_weight(torch.zeros(2, 2), **{name: value})
    for label in (torch.tensor([[0.5, 1]]), torch.tensor([[-2, 1]]), torch.tensor([[math.nan, 1]])):
        with pytest.raises(InputError, match="class indices"):
            boundary_distance(label)
    for spacing in ([1.0], [1.0, 0.0], [1.0, math.nan], [1.0, 1.0, 1.0]):
        with pytest.raises(InputError, match="2 positive voxel sizes"):
            boundary_distance(torch.zeros(3, 3), spacing=spacing)
    for label, axis in ((torch.zeros(3, 3), 0), (torch.zeros(3, 3, 3), 3), (torch.zeros(3, 3, 3), -1)):
        with pytest.raises(InputError, match="axis of a volume"):
            boundary_distance(label, slice_axis=axis)
    with pytest.raises(InputError, match=r"one channel of class indices, got the shape \(2, 3, 3\)"):
        BoundaryWeight()(torch.zeros(2, 3, 3))
    with pytest.raises(InputError, match="no voxel size"):
        BoundaryWeight(millimetres=True)(torch.zeros(1, 3, 3))


def test_what_nobody_labeled_is_no_side_of_a_boundary():
    """By brute force: the nearest voxel of another label, among those that have one."""
    label = torch.randint(-1, 3, (9, 8), generator=torch.Generator().manual_seed(0))
    label[:3] = 0
    label[4:6] = -1
    found = boundary_distance(label)
    places = torch.stack(torch.meshgrid(torch.arange(9), torch.arange(8), indexing="ij"), -1).double()
    for x in torch.cartesian_prod(torch.arange(9), torch.arange(8)).tolist():
        own = int(label[*x])
        others = places[(label >= 0) & (label != own)]
        expected = (others - places[*x]).norm(dim=1).min() if own >= 0 and len(others) else torch.tensor(math.inf)
        assert found[*x].item() == pytest.approx(expected.item())
    assert boundary_distance(torch.tensor([[0, -1, -1, 1]])).tolist() == [[3, math.inf, math.inf, 3]]
    with pytest.raises(InputError, match="-1 = not labeled"):
        boundary_distance(torch.tensor([[0, -2]]))
