"""Files that lack any one element, or hold nothing in it, are read or refused in a sentence; files of pydicom's own."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from common.errors import InputError
from common.formats.dicom_seg import read_dicom_seg
from common.formats.dicom_seg_writing import write_dicom_seg
from common.formats.dicom_series import Series, find_series, read_series
from common.formats.rtstruct import read_rtstruct
from tests.common.formats.made_dicom import slices, write_slices
from tests.common.formats.test_rtstruct import SQUARE, structures

SHIPPED = Path(pydicom.__file__).parent / "data/test_files"


def places(dataset: Dataset, path: tuple = ()) -> Iterator[tuple]:
    """Every element, also those of the first item of each sequence."""
    for element in dataset:
        yield (*path, element.keyword)
        if element.VR == "SQ" and len(element.value):
            yield from places(element.value[0], (*path, element.keyword))


def without(dataset: Dataset, place: tuple, value: object) -> Dataset:
    """A copy with an element removed, or emptied."""
    made = copy.deepcopy(dataset)
    holder = made
    for keyword in place[:-1]:
        holder = holder[keyword].value[0]
    if value is None:
        del holder[place[-1]]
    else:
        holder[place[-1]].value = value if holder[place[-1]].VR == "SQ" else ""
    return made


def spoiled(tmp_path: Path, dataset: Dataset, read: Callable[[Path], object], within: str = "") -> list[str]:
    said = []
    for place in (place for place in places(dataset) if within in place[0]):
        for value in (None, []):
            if place[0] == "PixelData" and value is not None:
                continue  # pydicom itself does not write it
            path = tmp_path / "spoiled.dcm"
            try:
                without(dataset, place, value).save_as(path, enforce_file_format=True)
            except (AttributeError, ValueError, TypeError):
                continue  # cannot be written
            try:
                read(path)
            except InputError as error:
                said.append(str(error))
                assert "spoiled" in said[-1] and "\n" not in said[-1] and said[-1].endswith("."), (place, said[-1])
    return said


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return read_series(write_slices(tmp_path / "ct", slices()))


def test_a_segmentation_without_an_element(tmp_path: Path, series: Series) -> None:
    classes = np.zeros(series.shape, int)
    classes[1:3, 1:3, 1:3] = 1
    path = write_dicom_seg(tmp_path / "a.dcm", classes, series, {1: "liver"})
    said = spoiled(tmp_path, pydicom.dcmread(path), lambda path: read_dicom_seg(path, series))
    assert len(said) > 10


def test_a_structure_set_without_an_element(tmp_path: Path, series: Series) -> None:
    said = spoiled(tmp_path, structures(series, {"a": [(1, SQUARE)]}), lambda path: read_rtstruct(path, series))
    assert len(said) > 4


def test_a_slice_without_an_element(tmp_path: Path) -> None:
    (tmp_path / "spoiled").mkdir()
    said = spoiled(tmp_path / "spoiled", slices()[0], lambda path: read_series(path.parent))
    assert len(said) > 10


def test_a_segmentation_that_pydicom_ships(tmp_path: Path) -> None:
    """A real one of a liver, on a grid that stands for the series by the file's own geometry."""
    dataset = pydicom.dcmread(SHIPPED / "liver_1frame.dcm")
    shared = dataset.SharedFunctionalGroupsSequence[0]
    spacing = [float(value) for value in shared.PixelMeasuresSequence[0].PixelSpacing]
    assert [float(v) for v in shared.PlaneOrientationSequence[0].ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]
    begin = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient
    affine = np.diag([-spacing[1], -spacing[0], 2.0, 1.0])
    affine[:3, 3] = np.array(begin, float) * (-1, -1, 1) - (0, 0, 2)  # the second of three slices
    grid = Series((dataset.Columns, dataset.Rows, 3), affine, (), (), "", "", "", "CT")
    with pytest.raises(InputError, match=r"liver_1frame\.dcm: expected the place of each of its 1 frames, got 3"):
        read_dicom_seg(SHIPPED / "liver_1frame.dcm", grid)  # it was cut out of one of three
    dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:1]
    dataset.save_as(tmp_path / "liver.dcm")
    found = read_dicom_seg(tmp_path / "liver.dcm", grid)
    ((name, mask),) = found.masks.items()
    assert name == dataset.SegmentSequence[0].SegmentLabel and not found.problems
    np.testing.assert_array_equal(mask[:, :, 1].T, dataset.pixel_array == 1)
    assert mask.any() and mask.sum() == mask[:, :, 1].sum()


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_bigendian.dcm"])
def test_slices_that_pydicom_ships(name: str) -> None:
    dataset = pydicom.dcmread(SHIPPED / name)
    series = read_series([SHIPPED / name])
    slope, intercept = (float(dataset.get(key, other)) for key, other in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
    np.testing.assert_array_equal(series.voxels[:, :, 0].T, dataset.pixel_array * slope + intercept)
    assert series.shape == (dataset.Columns, dataset.Rows, 1)


def test_a_folder_of_all_kinds() -> None:
    """Whatever pydicom ships, also damaged on purpose: found or named, nothing else is raised."""
    for path in sorted(SHIPPED.glob("*.dcm")):
        try:
            read_series([path])
        except InputError as error:
            assert path.name in str(error)
    with pytest.raises(InputError, match="truncated"):
        read_series([SHIPPED / "MR_truncated.dcm"])
    assert isinstance(find_series(SHIPPED), dict)
