"""RTSTRUCTs made with pydicom become the voxels whose centers their contours surround."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RTStructureSetStorage, generate_uid

from common.errors import InputError
from common.formats.dicom_series import Series, read_series
from common.formats.exports import read_export
from common.formats.rtstruct import read_rtstruct, recognize, referenced_series
from tests.common.formats.made_dicom import position, slices, write_slices

Contour = tuple[float, Sequence[tuple[float, float]]]  # slice, and corners in pixels
SQUARE = [(0.5, 0.5), (5.5, 0.5), (5.5, 4.5), (0.5, 4.5)]
HOLE = [(1.6, 1.6), (4.4, 1.6), (4.4, 3.4), (1.6, 3.4)]


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return read_series(write_slices(tmp_path / "ct", slices()))


def structures(series: Series, contours: dict[str, list[Contour]], kind: str = "CLOSED_PLANAR") -> Dataset:
    """In millimeters by the closed form of the series' geometry, not by its affine."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = RTStructureSetStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = generate_uid()
    made.Modality, made.StructureSetLabel = "RTSTRUCT", "Expert 1"
    referenced, study, frame = Dataset(), Dataset(), Dataset()
    referenced.SeriesInstanceUID = series.series_uid
    study.RTReferencedSeriesSequence = [referenced]
    frame.FrameOfReferenceUID, frame.RTReferencedStudySequence = series.frame_of_reference, [study]
    made.ReferencedFrameOfReferenceSequence = [frame]
    made.StructureSetROISequence, made.ROIContourSequence = [], []
    for number, (name, drawn) in enumerate(contours.items(), start=1):
        roi, item = Dataset(), Dataset()
        roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = number, name, series.frame_of_reference
        item.ReferencedROINumber, item.ContourSequence = number, []
        for place, corners in drawn:
            contour = Dataset()
            contour.ContourGeometricType, contour.NumberOfContourPoints = kind, len(corners)
            contour.ContourData = [f"{value:.8f}" for corner in corners for value in position(place, corner)]
            item.ContourSequence.append(contour)
        made.StructureSetROISequence.append(roi)
        if drawn:
            made.ROIContourSequence.append(item)
    return made


def write(path: Path, dataset: Dataset) -> Path:
    dataset.save_as(path, enforce_file_format=True)
    return path


def test_a_contour_that_is_there_twice_counts_once_unless_by_exclusive_or(tmp_path: Path, series: Series) -> None:
    for kind, count in (("CLOSED_PLANAR", 20), ("CLOSEDPLANAR_XOR", 0)):
        made = structures(series, {"x": [(0, SQUARE), (0, SQUARE)]}, kind)
        masks, problems = read_rtstruct(write(tmp_path / "a.dcm", made), series)
        assert int(masks["x"].sum()) == count and not problems


@pytest.mark.parametrize(
    "again",
    [
        [*SQUARE, SQUARE[0]],  # closed by a point of its own, as many programs write it
        SQUARE[::-1],
        [*SQUARE[2:], *SQUARE[:2]],
        [*SQUARE[1::-1], *SQUARE[:1:-1]],
        [(x + 1e-5, y - 1e-5) for x, y in SQUARE],
    ],
)
def test_the_same_contour_in_another_order_is_the_same(
    tmp_path: Path, series: Series, again: list[tuple[float, float]]
) -> None:
    for both in ((SQUARE, again), (again, SQUARE)):
        masks, problems = read_rtstruct(
            write(tmp_path / "a.dcm", structures(series, {"x": [(0, points) for points in both]})), series
        )
        assert int(masks["x"].sum()) == 20 and not problems


@pytest.mark.file_format("DICOM RTSTRUCT", "read", "holes, several contours in a slice")
def test_holes_several_contours_and_pixels_that_are_not_square(tmp_path: Path, series: Series) -> None:
    two = [(1, [(-0.4, -0.4), (1.4, -0.4), (1.4, 0.4), (-0.4, 0.4)]), (1, [(4.6, 2.6), (6.4, 2.6), (6.4, 5.4)])]
    made = structures(series, {"ring": [(0, SQUARE), (0, HOLE), (3, SQUARE)], "two": two, "nothing": []})
    path = write(tmp_path / "a.dcm", made)
    masks, problems = read_rtstruct(path, series)
    assert not problems and list(masks) == ["ring", "two", "nothing"]
    ring, pair = np.zeros((2, *series.shape), bool)
    ring[1:6, 1:5, [0, 3]] = True
    ring[2:5, 2:4, 0] = False
    pair[0:2, 0, 1] = True
    pair[5, 3, 1] = pair[6, 3:5, 1] = True
    np.testing.assert_array_equal(masks["ring"], ring)
    np.testing.assert_array_equal(masks["two"], pair)
    assert not masks["nothing"].any()
    assert recognize(path) and not recognize(series.paths[0])
    assert referenced_series(pydicom.dcmread(path)) == series.series_uid


@pytest.mark.file_format("DICOM RTSTRUCT", "refused", "structures with contours between slices, points or open lines")
@pytest.mark.parametrize(
    ("contours", "kind", "match"),
    [
        ([(1.5, SQUARE), (1, SQUARE)], "CLOSED_PLANAR", "its contour 1 of 2 lies between slices, at slice 2.50"),
        ([(1, SQUARE)], "OPEN_PLANAR", "its contour 1 of 1 is OPEN_PLANAR, not closed"),
        ([(1, SQUARE)], "POINT", "its contour 1 of 1 is POINT, not closed"),
    ],
)
def test_a_structure_that_does_not_map(tmp_path: Path, series: Series, contours, kind: str, match: str) -> None:
    made = structures(series, {"bad": contours}, kind)
    good = structures(series, {"good": [(2, SQUARE)]})
    good.StructureSetROISequence[0].ROINumber = good.ROIContourSequence[0].ReferencedROINumber = 9
    made.StructureSetROISequence += good.StructureSetROISequence
    made.ROIContourSequence += good.ROIContourSequence
    masks, problems = read_rtstruct(write(tmp_path / "a.dcm", made), series)
    assert list(masks) == ["good"] and masks["good"].sum() == 20
    assert len(problems) == 1 and re.search(rf"a\.dcm: bad is left out, since {match}", problems[0])


def test_where_no_structure_maps_there_is_no_label(tmp_path: Path, series: Series) -> None:
    """An empty one would say that the annotator looked and found nothing."""
    images, problems = {"ct": series.paths[0].parent}, []
    lost = write(tmp_path / "lost.dcm", structures(series, {"bad": [(1, SQUARE)]}, "OPEN_PLANAR"))
    assert list(read_export(lost, images, problems)) == [] and len(problems) == 1
    nothing = write(tmp_path / "nothing.dcm", structures(series, {}))
    (found,) = read_export(nothing, images, problems)
    assert not found.masks and len(problems) == 1


def test_contours_across_slices_and_of_odd_length(tmp_path: Path, series: Series) -> None:
    made = structures(series, {"across": [(1, SQUARE)], "odd": [(1, SQUARE)]})
    first, second = (item.ContourSequence[0] for item in made.ROIContourSequence)
    first.ContourData = [f"{value:.8f}" for index, corner in enumerate(SQUARE) for value in position(index, corner)]
    second.ContourData = list(second.ContourData)[:-1]
    masks, problems = read_rtstruct(write(tmp_path / "a.dcm", made), series)
    assert not masks
    assert "runs across slices, from 1.00 to 4.00" in problems[0] and "has 11 numbers" in problems[1]


def test_what_reaches_beyond_the_image(tmp_path: Path, series: Series) -> None:
    large = [(-3, -3), (2.5, -3), (2.5, 9), (-3, 9)]
    made = structures(series, {"large": [(1, large), (5, SQUARE)]})
    masks, problems = read_rtstruct(write(tmp_path / "a.dcm", made), series)
    expected = np.zeros(series.shape, bool)
    expected[:3, :, 1] = True
    np.testing.assert_array_equal(masks["large"], expected)
    assert "large reaches beyond the image with 2 contours, and is cut there" in problems[0]


def test_names_and_frames(tmp_path: Path, series: Series) -> None:
    made = structures(series, {"a": [(1, SQUARE)], "b": [(2, SQUARE)], "c": [(2, SQUARE)]})
    made.StructureSetROISequence[1].ROIName = "a"
    made.StructureSetROISequence[2].ReferencedFrameOfReferenceUID = "1.2.3"
    masks, problems = read_rtstruct(write(tmp_path / "a.dcm", made), series)
    assert list(masks) == ["a"] and masks["a"].sum() == 40
    assert "the structures 1, 2 are all named a" in problems[0]
    assert "c is left out, since it is in the coordinates of other images" in problems[1]
    made.StructureSetROISequence[2].ROIName = "a"
    assert not read_rtstruct(write(tmp_path / "a.dcm", made), series)[0]  # a part of a would be a wrong label
    with pytest.raises(InputError, match=r"expected a DICOM RTSTRUCT, got CT"):
        read_rtstruct(series.paths[0], series)


@pytest.mark.file_format("DICOM RTSTRUCT", "refused", "pixels that are not square from rt-utils")
def test_rt_utils_on_pixels_that_are_not_square(tmp_path: Path, series: Series) -> None:
    """rt-utils 1.2.7 takes the spacing of rows for that of columns, which its own reading turns back."""
    made = structures(series, {"a": [(1, SQUARE)]})
    made.Manufacturer, made.ManufacturerModelName = "Qurit", "rt-utils"
    path = write(tmp_path / "a.dcm", made)
    with pytest.raises(
        InputError, match=r"a\.dcm: expected contours of another program than rt-utils.*1\.5 × 0\.75 mm"
    ):
        read_rtstruct(path, series)
    square = read_series(write_slices(tmp_path / "square", slices(PixelSpacing=[1.5, 1.5])))
    made.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = square.frame_of_reference
    assert not read_rtstruct(write(path, made), square)[1]


def test_a_file_that_pydicom_ships(tmp_path: Path, series: Series) -> None:
    """A real structure set, of other images: each structure is empty or named."""
    dataset = pydicom.dcmread(Path(pydicom.__file__).parent / "data/test_files/rtstruct.dcm", force=True)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    masks, problems = read_rtstruct(write(tmp_path / "real.dcm", dataset), series)
    names = {str(item.ROIName) for item in dataset.StructureSetROISequence}
    assert len(names) > 1
    for name in names:
        assert any(f": {name} " in problem for problem in problems) or not masks[name].any()
