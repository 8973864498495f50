"""Readers' regions: reading, rasterizing, and what is said about a wrong file."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor

from common.errors import InputError
from common.io import LoadRegionsd, Region, read_regions, regions_to_masks, write_regions
from common.io.regions import COLUMNS

HEADER = ",".join(COLUMNS)


def write(folder: Path, *lines: str) -> Path:
    path = folder / "regions.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return path


def test_reading(tmp_path):
    path = write(tmp_path, "k1,AR,3,femur,10,20,18,28", "", "k1, HS ,,,,,,", "k2,AR,0,tibia,0,0,1,1")
    first, second, third = read_regions(path)
    assert first == Region("k1", "AR", 3, "femur", 10, 20, 18, 28, source=f"{path}, line 2")
    assert second == Region("k1", "HS", source=f"{path}, line 4")
    assert third.source.endswith("line 5")
    assert read_regions(write(tmp_path)) == []
    # another order, one column more, a byte order mark and Windows line ends
    path.write_text("\ufeffnote," + HEADER + "\r\nx,k1,AR,3,femur,10,20,18,28\r\n", encoding="utf-8")
    assert read_regions(path)[0].row1 == 18


@settings(deadline=None, max_examples=10)
@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.integers(0, 2), st.sampled_from(["femur", "tibia"]), st.integers(0, 4)),
        max_size=6,
    )
)
def test_round_trip_and_masks_are_the_union_of_the_boxes(tmp_path_factory, drawn):
    regions = [Region("k1", reader, index, name, at, 1, at + 2, 4) for reader, index, name, at in drawn]
    regions.append(Region("k1", "nothing"))
    path = tmp_path_factory.mktemp("regions") / "r.csv"
    write_regions(path, regions)
    read = read_regions(path, structures=["femur", "tibia"], cases=["k1"])
    masks, readers = regions_to_masks(read, (6, 5, 3), ["femur", "tibia"])
    assert readers == sorted({region.reader for region in regions})
    assert masks.shape == (len(readers), 2, 6, 5, 3)
    assert masks.dtype == torch.uint8
    for place in torch.cartesian_prod(*(torch.arange(size) for size in masks.shape)).tolist():
        reader, structure, row, column, index = place
        inside = any(
            region.reader == readers[reader]
            and region.structure == ["femur", "tibia"][structure]
            and region.slice == index
            and region.row0 <= row < region.row1
            and region.column0 <= column < region.column1
            for region in regions
        )
        assert masks[tuple(place)] == inside


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("k1,AR,3,femur,10,x,18,28", r"line 2: expected a whole number in column0, got 'x'"),
        ("k1,AR,3,femur,10,,18,28", r"line 2: expected a whole number in column0, got ''"),
        ("k1,AR,3,femur,10,2.5,18,28", "got '2.5'"),
        ("k1,AR,3,femur,10,20", "line 2: expected a whole number in row1, got ''"),
        ("k1,AR,3,femur,10,20,10,28", r"line 2: expected .*row0 < row1.* row1 10"),
        ("k1,AR,-1,femur,10,20,18,28", r"line 2: .*slice -1"),
        ("k1,AR,3,fibula,10,20,18,28", r"line 2: expected a known structure \(femur, tibia\), got 'fibula'"),
        ("k9,AR,3,femur,10,20,18,28", r"line 2: expected a known case \(k1\), got 'k9'"),
        ("k1,,3,femur,10,20,18,28", "line 2: reader is empty"),
        ("k1,AR,3,,10,20,18,28", "line 2: structure is empty"),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read_regions(write(tmp_path, line), structures=["femur", "tibia"], cases=["k1"])


def test_unreadable_files(tmp_path):
    (tmp_path / "a.csv").write_text("case,reader,slice,structure,row0,column0,row1\n")
    with pytest.raises(InputError, match=r"a\.csv, line 1: .*column1 is missing"):
        read_regions(tmp_path / "a.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(InputError, match=r"empty\.csv, line 1"):
        read_regions(tmp_path / "empty.csv")
    (tmp_path / "b.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("b.csv", "absent.csv"):
        with pytest.raises(InputError, match=f"{name} cannot be read"):
            read_regions(tmp_path / name)


@pytest.mark.parametrize(
    "outside",
    [{"row1": 7}, {"column1": 6}, {"slice": 3}],
    ids=["row", "column", "slice"],
)
def test_region_outside_the_image(outside):
    inside = {"slice": 2, "structure": "femur", "row1": 6, "column1": 5, "source": "r.csv, line 9"}
    assert regions_to_masks([Region("k1", "a", **inside)], (6, 5, 3), ["femur"])[0].sum() == 30
    with pytest.raises(InputError, match=r"r\.csv, line 9: the region ends outside the image of k1, which has 6 rows"):
        regions_to_masks([Region("k1", "a", **inside | outside)], (6, 5, 3), ["femur"])
    with pytest.raises(InputError, match=r"line 9: expected one of the structures tibia, got 'femur'"):
        regions_to_masks([Region("k1", "a", **inside)], (6, 5, 3), ["tibia"])


def test_nobody(tmp_path):
    masks, readers = regions_to_masks([], (3, 3, 1), ["femur"])
    assert masks.shape == (0, 1, 3, 3, 1)
    assert readers == []


def test_transform_takes_the_geometry_of_the_image():
    affine = torch.diag(torch.tensor([2.0, 2.0, 3.0, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.zeros(1, 6, 5, 3), affine=affine)
    item = LoadRegionsd("regions", ["femur"])({"regions": (Region("k1", "a"),), "image": image, "case": "k1"})
    assert item["regions"].shape == (1, 1, 6, 5, 3)
    assert torch.equal(item["regions"].affine, affine)
    with pytest.raises(InputError, match="Case k1: expected a volume"):
        LoadRegionsd("regions", ["femur"])({"regions": (), "image": image[..., 0], "case": "k1"})
    assert LoadRegionsd("regions", ["femur"], allow_missing_keys=True)({"image": image}).keys() == {"image"}
