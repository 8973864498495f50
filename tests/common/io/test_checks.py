"""What is found in tensors as they were loaded."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.data import MetaTensor

from common.io.checks import (
    affine_finding,
    class_sizes,
    content_digest,
    duplicate_groups,
    extent_finding,
    geometry_finding,
    image_findings,
    unit_finding,
    value_counts,
    voxel_volume,
)
from common.io.formats import read_header, read_image
from common.io.writers import voxel_mm3


def image(shape=(1, 4, 5, 6), spacing=(1.0, 1.0, 2.0), origin=(0.0, 0.0, 0.0)) -> MetaTensor:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = origin
    return MetaTensor(torch.rand(shape), affine=torch.from_numpy(affine))


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda x: x, []),
        (lambda x: x.index_put((torch.tensor(0), torch.tensor(0)), torch.tensor(math.nan)), ["not finite"]),
        (lambda x: x.index_put((torch.tensor(0), torch.tensor(0)), torch.tensor(-math.inf)), ["not finite"]),
        (torch.ones_like, ["constant image"]),
    ],
)
@pytest.mark.parametrize("shape", [(1, 4, 5), (2, 3, 4, 5)])
def test_intensities(change, kinds, shape):
    found = image_findings(change(torch.rand(shape)), "a.nii")
    assert [finding.kind for finding in found] == kinds
    assert all(finding.file == "a.nii" and finding.unusable == (finding.kind == "not finite") for finding in found)
    assert image_findings(torch.zeros(1, 0, 3)) == []


@pytest.mark.parametrize(
    ("other", "kind", "unusable"),
    [
        (image(), None, False),
        (image(origin=(0.005, 0, 0)), None, False),
        (image(origin=(0.3, 0, 0)), "position", False),
        (image(origin=(0.6, 0, 0)), "position", True),
        (image(spacing=(1.0, 1.0, 2.2)), "position", True),
        (image(spacing=(-1.0, 1.0, 2.0), origin=(3.0, 0, 0)), "position", True),  # mirrored onto the same box
        (image((1, 4, 5, 7)), "shape", True),
        (torch.rand(1, 4, 5, 6), None, False),  # without an affine nothing can be said
        (torch.rand(1, 4, 5), "shape", True),
    ],
)
def test_geometry(other, kind, unusable):
    found = geometry_finding(image(), other)
    assert (found and found.kind) == kind
    assert bool(found and found.unusable) == unusable


def test_distance_is_of_the_farthest_corner():
    turned = image(spacing=(1.0, 1.1, 2.0))
    assert "up to 0.4 mm" in geometry_finding(image(), turned).message  # (5 − 1) × 0.1


@pytest.mark.parametrize(
    "affine", [torch.zeros(4, 4), torch.full((4, 4), math.nan), torch.diag(torch.tensor([1.0, 0, 1, 1]))]
)
def test_an_affine_without_inverse(affine):
    assert affine_finding(MetaTensor(torch.rand(1, 2, 2, 2), affine=affine)).unusable
    assert affine_finding(image()) is None and affine_finding(torch.rand(1, 2, 2)) is None


VALUES = st.sampled_from(np.float32([-2.0, -1.0, 0.0, 1.0, 2.0, 0.5, 255.0, 70000.0, math.nan, math.inf]))


@settings(max_examples=30, deadline=None)
@given(arrays(np.float32, array_shapes(max_dims=3, min_side=0, max_side=4), elements=VALUES))
def test_counts_are_those_of_numpy(array):
    counts = value_counts(torch.from_numpy(array))
    expected, numbers = np.unique(array, return_counts=True)
    by_value = dict(zip(expected.tolist(), numbers.tolist(), strict=True))
    assert {str(value): count for value, count in counts.items()} == {str(v): n for v, n in by_value.items()}
    assert class_sizes(counts, 3) == {1: int((array == 1).sum()), 2: int((array == 2).sum())}


@pytest.mark.parametrize(
    ("side", "named"), [(1e-3, True), (0.06, True), (0.07, False), (1.0, False), (300.0, False), (400.0, True)]
)
def test_a_volume_whose_unit_cannot_be_millimeters(side: float, named: bool) -> None:
    """16 voxels along the longest axis, in meters or micrometers."""
    sides = torch.tensor([side, side / 2, side, 1.0], dtype=torch.float64)
    found = unit_finding(MetaTensor(torch.zeros(1, 16, 16, 4), affine=torch.diag(sides)), "a.nii")
    assert (found is not None) == named
    if found:
        assert found.kind == "unit" and not found.unusable and found.file == "a.nii"
    assert unit_finding(torch.zeros(1, 16, 16, 4)) is None
    assert unit_finding(MetaTensor(torch.zeros(1, 16, 16), affine=torch.eye(3) * side)) is None


@pytest.mark.parametrize(("unit", "side", "named"), [("micron", 0.5, False), ("mm", 5e-4, True), ("micron", 4e5, True)])
def test_a_file_that_says_micrometers_may_be_short(tmp_path: Path, unit: str, side: float, named: bool) -> None:
    image = nib.Nifti1Image(np.ones((16, 16, 4), np.float32), np.diag([side, side, side, 1.0]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    assert (unit_finding(read_image(tmp_path / "a.nii")) is not None) == named


@pytest.mark.parametrize(
    ("sizes", "kind"), [({1: 0, 2: 0}, "empty label"), ({1: 4, 2: 5}, "full label"), ({1: 4}, None)]
)
def test_extent(sizes, kind):
    found = extent_finding(sizes, 9)
    assert (found and found.kind) == kind
    assert not (found and found.unusable)


def test_same_content_is_recognized_in_any_file():
    first = torch.rand(1, 3, 4)
    assert content_digest(first) == content_digest(MetaTensor(first.clone(), meta={"filename_or_obj": "b"}))
    assert content_digest(first) == content_digest(first.transpose(1, 2).contiguous().transpose(1, 2))
    assert content_digest(first) != content_digest(first + torch.eye(3, 4)[None] * 1e-3)
    assert duplicate_groups([]) == [] and duplicate_groups([None, None]) == []
    assert duplicate_groups([1, 2, 1, 2, 1, 3]) == [[0, 2, 4], [1, 3]]


def test_a_sheared_voxel_has_the_volume_of_its_determinant(tmp_path: Path) -> None:
    """As of a CT with a tilted gantry: the lengths of the columns, multiplied, are too much."""
    affine = np.array([[-2.0, 0.6, 0.0, 5.0], [0.0, 1.5, 1.2, -3.0], [0.0, 0.0, 4.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
    nib.save(nib.Nifti1Image(np.zeros((2, 3, 4), np.uint8), affine), tmp_path / "a.nii")
    assert voxel_mm3(tmp_path / "a.nii") == pytest.approx(12.0, rel=1e-6)
    assert np.prod(read_header(tmp_path / "a.nii").spacing) > 12.9
    assert voxel_volume(np.diag([2.0, 3.0, 1.0, 1.0]), 2) == 6.0
