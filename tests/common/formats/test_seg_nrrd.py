"""Segmentations as 3D Slicer writes them, made with SimpleITK, and ours read by SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from common.errors import InputError
from common.formats.grid import Grid
from common.formats.seg_nrrd import read_seg_nrrd, recognize, write_seg_nrrd

SHAPE = (7, 6, 5)
SPACING, ORIGIN = (1.5, 0.75, 2.5), (-10.0, 20.0, 30.0)
LPS = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # a quarter turn around the third axis
FIELDS = {
    "Segment0_Name": "Tümor",
    "Segment0_LabelValue": "1",
    "Segment0_Layer": "0",
    "Segment1_Name": "edema",
    "Segment1_LabelValue": "2",
    "Segment1_Layer": "0",
    "Segmentation_MasterRepresentation": "Binary labelmap",
}


def geometry(image: sitk.Image, begin: tuple[int, ...] = (0, 0, 0)) -> sitk.Image:
    image.SetSpacing(SPACING)
    image.SetDirection(LPS.ravel().tolist())
    image.SetOrigin((np.array(ORIGIN) + LPS @ np.multiply(begin, SPACING)).tolist())
    return image


def grid() -> Grid:
    """In closed form, not by our affine of a file."""
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = LPS * SPACING, ORIGIN
    return Grid(SHAPE, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)


def classes() -> np.ndarray:
    return np.random.default_rng(0).choice([0, 0, 1, 2], SHAPE)


def write(path: Path, voxels: np.ndarray, fields: dict[str, str], begin: tuple[int, ...] = (0, 0, 0)) -> Path:
    """Voxels (X, Y, Z[, layers]) by SimpleITK, with the kind of axis that Slicer gives to layers."""
    order = [*reversed(range(3)), *range(3, voxels.ndim)]
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.transpose(order).astype(np.uint8)), voxels.ndim == 4)
    for key, text in fields.items():
        image.SetMetaData(key, text)
    sitk.WriteImage(geometry(image, begin), str(path))
    path.write_bytes(path.read_bytes().replace(b"kinds: vector", b"kinds: list", 1))
    return path


def test_one_layer(tmp_path: Path) -> None:
    masks, problems = read_seg_nrrd(write(tmp_path / "a.seg.nrrd", classes(), FIELDS), grid())
    assert list(masks) == ["Tümor", "edema"] and not problems
    np.testing.assert_array_equal(masks["Tümor"], classes() == 1)
    np.testing.assert_array_equal(masks["edema"], classes() == 2)


@pytest.mark.file_format(".seg.nrrd", "read", "layers, crops, overlaps")
@pytest.mark.file_format(".seg.nrrd", "tested against", "SimpleITK")
def test_layers_that_overlap_and_are_cropped(tmp_path: Path) -> None:
    begin, draw = (2, 1, 3), np.random.default_rng(1)
    layers = draw.choice([0, 1, 2], (4, 5, 2, 2))
    third = {"Segment2_Name": "vessel", "Segment2_LabelValue": "1", "Segment2_Layer": "1"}
    path = write(tmp_path / "a.seg.nrrd", layers, FIELDS | third, begin)
    masks, problems = read_seg_nrrd(path, grid())
    for name, layer, value in (("Tümor", 0, 1), ("edema", 0, 2), ("vessel", 1, 1)):
        expected = np.zeros(SHAPE, bool)
        expected[2:6, 1:6, 3:5] = layers[..., layer] == value
        np.testing.assert_array_equal(masks[name], expected)
    assert (masks["Tümor"] & masks["vessel"]).any()
    assert problems == (f"{path}: value 2 of layer 1 is of no segment and is left out.",)
    with pytest.raises(AssertionError):  # a segmentation of a smaller image says what it loses
        assert not read_seg_nrrd(path, Grid((4, 6, 5), grid().affine))[1][1:]


@pytest.mark.file_format(".seg.nrrd", "read", "segments without values or layers")
def test_without_values_and_layers(tmp_path: Path) -> None:
    """As Slicer wrote them until 4.10: a layer of 0 and 1 for each segment."""
    layers = np.random.default_rng(2).choice([0, 1], (*SHAPE, 2))
    names = {"Segment0_Name": "a", "Segment1_Name": "b"}
    masks, problems = read_seg_nrrd(write(tmp_path / "a.seg.nrrd", layers, names), grid())
    assert not problems
    np.testing.assert_array_equal(np.stack([masks["a"], masks["b"]], -1), layers == 1)
    one = read_seg_nrrd(write(tmp_path / "b.seg.nrrd", layers[..., 0], {"Segment0_ID": "s"}), grid())[0]
    np.testing.assert_array_equal(one["s"], layers[..., 0] == 1)


@pytest.mark.file_format(".seg.nrrd", "read", "LPS and RAS")
def test_right_anterior_superior(tmp_path: Path) -> None:
    """The same place in the other coordinates, by turning the header over."""
    path = write(tmp_path / "a.seg.nrrd", classes(), FIELDS)
    text = path.read_bytes()
    for before, after in (
        (b"left-posterior-superior", b"right-anterior-superior"),
        (b"space directions: (0,1.5,0) (-0.75,0,0) (0,0,2.5)", b"space directions: (0,-1.5,0) (0.75,0,0) (0,0,2.5)"),
        (b"space origin: (-10,20,30)", b"space origin: (10,-20,30)"),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    path.write_bytes(text)
    masks, _ = read_seg_nrrd(path, grid())
    np.testing.assert_array_equal(masks["Tümor"], classes() == 1)


def test_axes_in_another_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg.nrrd", classes(), FIELDS)
    turned = sitk.Flip(sitk.PermuteAxes(sitk.ReadImage(str(path)), [2, 0, 1]), [True, False, True])
    for key, text in FIELDS.items():
        turned.SetMetaData(key, text)
    sitk.WriteImage(turned, str(path))
    masks, problems = read_seg_nrrd(path, grid())
    assert not problems
    np.testing.assert_array_equal(masks["edema"], classes() == 2)


@pytest.mark.file_format(".seg.nrrd", "refused", "voxels beside the grid, values of no segment")
def test_what_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.seg.nrrd"
    without = {key: text for key, text in FIELDS.items() if "LabelValue" not in key}
    for voxels, fields, begin, match in (
        (classes(), {}, (0, 0, 0), r"a\.seg\.nrrd: expected segments in its header \(Segment0_Name\), got none"),
        (classes(), without, (0, 0, 0), r"expected Segment0_LabelValue, which says which of the values 1, 2"),
        (classes(), FIELDS | {"Segment0_Layer": "1"}, (0, 0, 0), "expected a layer from 0 to 0 for segment 0, got 1"),
        (classes(), FIELDS | {"Segment0_Layer": "x"}, (0, 0, 0), "expected a number for Segment0_Layer, got 'x'"),
        (classes(), FIELDS, (0.5, 0, 0), r"its voxels are not those of the image: size \(7, 6, 5\)"),
    ):
        with pytest.raises(InputError, match=match):
            read_seg_nrrd(write(path, voxels, fields, begin), grid())
    with pytest.raises(InputError, match="voxels are not those of the image"):
        read_seg_nrrd(write(path, classes(), FIELDS), Grid(SHAPE, grid().affine @ np.diag([2, 1, 1, 1.0])))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"a\.seg\.nrrd cannot be read by SimpleITK"):
        read_seg_nrrd(path, grid())


@pytest.mark.file_format(".seg.nrrd", "written", "names and colors")
def test_ours_read_by_theirs(tmp_path: Path) -> None:
    drawn = np.where(classes() == 2, 7, classes())
    drawn[0, 0, 0] = -1
    names = {1: "Tümor", 7: "edema", 9: "absent"}
    path = write_seg_nrrd(tmp_path / "new/a.seg.nrrd", drawn, grid().affine, names, {1: (1, 0, 0.5)})
    image = sitk.ReadImage(str(path))
    np.testing.assert_allclose(image.GetDirection(), LPS.ravel(), atol=1e-12)
    np.testing.assert_allclose(image.GetSpacing(), SPACING)
    np.testing.assert_allclose(image.GetOrigin(), ORIGIN)
    found = {}
    for index in range(4):
        name, value = (image.GetMetaData(f"Segment{index}_{field}") for field in ("Name", "LabelValue"))
        found[name] = int(value)
        assert image.GetMetaData(f"Segment{index}_Extent") == "0 6 0 5 0 4"
    assert found == {"Tümor": 1, "edema": 7, "absent": 9, "not labeled": 10}
    assert image.GetMetaData("Segment0_Color") == "1 0 0.5"
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, np.where(drawn < 0, 10, drawn))
    masks, problems = read_seg_nrrd(path, grid())
    assert not problems
    np.testing.assert_array_equal(masks["edema"], drawn == 7)
    np.testing.assert_array_equal(masks["not labeled"], drawn == -1)


def test_what_is_not_written(tmp_path: Path) -> None:
    for name, drawn, match in (
        ("a.nrrd", classes(), r"expected a name that ends with \.seg\.nrrd"),
        ("a.seg.nrrd", classes()[0], "expected a class map in three dimensions"),
        ("a.seg.nrrd", classes() + 1, "expected the classes 1, 2, got 3"),
    ):
        with pytest.raises(InputError, match=match):
            write_seg_nrrd(tmp_path / name, drawn, grid().affine, {1: "a", 2: "b"})
    assert not list(tmp_path.iterdir())


def test_by_name_or_header(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.nrrd", classes(), {})
    assert not recognize(plain) and recognize(write(tmp_path / "named.nrrd", classes(), FIELDS))


def test_one_layer_with_an_axis_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.seg.nrrd", classes(), FIELDS)
    text = path.read_bytes()
    for before, after in (
        (b"dimension: 3", b"dimension: 4"),
        (b"sizes: ", b"sizes: 1 "),
        (b"space directions: ", b"space directions: none "),
        (b"kinds: ", b"kinds: list "),
    ):
        assert before in text
        text = text.replace(before, after, 1)
    path.write_bytes(text)
    masks, problems = read_seg_nrrd(path, grid())
    assert not problems
    np.testing.assert_array_equal(masks["edema"], classes() == 2)
