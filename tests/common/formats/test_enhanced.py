"""Frames of enhanced DICOM become the volume that their slices are, and DICOM SEG refers to each of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

pytest.importorskip("highdicom")

import highdicom

from common.convert import convert
from common.errors import InputError
from common.formats import Grid, read_dicom_seg, read_series, write_dicom_seg
from common.formats.dicom_planes import GROUPS
from common.formats.grid import lay_voxels
from common.io.simple_itk import itk_voxels, read_itk
from tests.common.formats.made_dicom import (
    FRAME_ORDER,
    affine,
    enhanced,
    groups,
    position,
    slices,
    stored,
    write_enhanced,
)
from tests.common.formats.test_damaged_dicom import spoiled
from tests.common.formats.test_dicom_seg import drawn, frames_of

NAMES = {1: "liver", 2: "tumor"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_enhanced(tmp_path / "scans/ct/all.dcm", slices())


def item(**elements: object) -> list[Dataset]:
    made = Dataset()
    for keyword, value in elements.items():
        setattr(made, keyword, value)
    return [made]


@pytest.mark.file_format("DICOM series", "read", "frames of enhanced files, in any order")
def test_frames_are_sorted_by_position(path: Path, tmp_path: Path) -> None:
    series = read_series(path.parent)
    np.testing.assert_array_equal(series.voxels, stored() - 1024.0)
    np.testing.assert_allclose(series.affine, affine(), atol=1e-8)
    assert [FRAME_ORDER[number - 1] for number in series.frames] == [0, 1, 2, 3, 4]
    assert set(series.paths) == {path} and set(series.instances) == {pydicom.dcmread(path).SOPInstanceUID}
    convert(str(tmp_path / "scans"), str(tmp_path / "out"))
    image = nib.load(tmp_path / "out/images/ct.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), stored() - 1024.0)
    np.testing.assert_allclose(image.affine, affine(), atol=1e-5)


def test_simple_itk_reads_the_same_where_frames_are_in_order(path: Path) -> None:
    """Of others it gives the order of the file and a spacing of 1 mm, without complaint: so `read_itk` refuses them."""
    theirs = sitk.ReadImage(str(path))
    assert theirs.GetSpacing() == (1, 1, 1)
    np.testing.assert_array_equal(itk_voxels(theirs)[0], stored()[:, :, list(FRAME_ORDER)] - 1024.0)
    with pytest.raises(InputError, match=r"ct: expected one slice in a file, got 5 frames.*common\.convert --images"):
        read_itk(path.parent)
    dataset = pydicom.dcmread(path)
    order = np.argsort(FRAME_ORDER)
    dataset.PixelData = dataset.pixel_array[order].tobytes()
    dataset.PerFrameFunctionalGroupsSequence = [groups(dataset)[index] for index in order]
    dataset.save_as(path)
    voxels, place = itk_voxels(sitk.ReadImage(str(path)))
    series = read_series(path.parent)
    laid = lay_voxels(voxels, place, Grid(series.shape, series.affine), "theirs")
    np.testing.assert_array_equal(series.voxels, laid)


def test_the_slope_of_each_frame(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    slopes, intercepts = np.array([1, 0.25, 0.5, 2.5, 0.125]), np.array([0, -0.5, 3, 0, -1024])
    for group, index in zip(groups(dataset), FRAME_ORDER, strict=True):
        group.PixelValueTransformationSequence = item(
            RescaleSlope=slopes[index], RescaleIntercept=intercepts[index], RescaleType="US"
        )
    dataset.save_as(path)
    np.testing.assert_array_equal(read_series(path.parent).voxels, stored() * slopes + intercepts)


def turned(frame: Dataset) -> None:
    frame.PlaneOrientationSequence = item(ImageOrientationPatient=[1, 0, 0, 0, 0, -1])


def twice(frame: Dataset) -> None:
    frame.PlanePositionSequence = item(ImagePositionPatient=[f"{value:.9f}" for value in position(0)])


def beside(frame: Dataset) -> None:
    frame.PlanePositionSequence = item(ImagePositionPatient=[f"{value:.9f}" for value in position(2, (0, 2))])


def farther(frame: Dataset) -> None:
    frame.PlanePositionSequence = item(ImagePositionPatient=[f"{value:.9f}" for value in position(2.5)])


def finer(frame: Dataset) -> None:
    frame.PixelMeasuresSequence = item(PixelSpacing=[0.5, 0.5], SliceThickness=1)


def nowhere(frame: Dataset) -> None:
    del frame.PlanePositionSequence


def another_stack(frame: Dataset) -> None:
    frame.FrameContentSequence[0].StackID = "2"


def another_time(frame: Dataset) -> None:
    frame.FrameContentSequence[0].TemporalPositionIndex = 2


def another_echo(frame: Dataset) -> None:
    frame.MREchoSequence = item(EffectiveEchoTime=20.0)


@pytest.mark.file_format("DICOM series", "refused", "several stacks, time points or echoes in enhanced files")
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (turned, r"expected slices of one direction.*in all\.dcm \(frame 5\)"),
        (twice, r"one slice at each place, got all\.dcm \(frame [25]\).* 0 mm apart \(they differ in ImagePositionPat"),
        (beside, r"at a right angle, got slices that are shifted by up to 1\.5 mm within their plane"),
        (farther, r"expected slices at equal distances, got distances from 1\.25 to 3\.75 mm"),
        (finer, r"expected slices of one spacing of pixels, 0\.75 × 1\.5, got 0\.5 × 0\.5 in all\.dcm \(frame 5\)"),
        (nowhere, r"all\.dcm \(frame 5\): expected ImagePositionPatient"),
        (
            another_stack,
            r"ct: expected one stack of frames, got 1 in all\.dcm \(frame 1\), 2 in all\.dcm \(frame 5\)",
        ),
        (another_time, r"ct: expected one time point, got none in all\.dcm \(frame 1\), 2 in"),
        (another_echo, r"ct: expected one echo time, got none in all\.dcm \(frame 1\), 20\.0 in"),
    ],
)
def test_what_is_refused(path: Path, spoil: Callable[[Dataset], None], match: str) -> None:
    dataset = pydicom.dcmread(path)
    spoil(groups(dataset)[4])  # of the slice 2
    dataset.save_as(path)
    with pytest.raises(InputError, match=match):
        read_series(path.parent)


def test_missing_frames_and_values_of_another_kind(path: Path) -> None:
    made = slices()
    del made[2]
    write_enhanced(path, made)
    with pytest.raises(
        InputError, match=r"slices are missing, such as between all\.dcm \(frame 3\) and all\.dcm \(frame 4\)"
    ):
        read_series(path.parent)
    dataset = enhanced(slices())
    del dataset.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence
    dataset.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = item(RealWorldValueSlope=2.0)
    dataset.save_as(path)
    with pytest.raises(InputError, match=r"all\.dcm: expected slope and intercept, got a mapping to real world values"):
        read_series(path.parent)
    dataset.PerFrameFunctionalGroupsSequence = groups(dataset)[:3]
    dataset.save_as(path)
    with pytest.raises(InputError, match=r"all\.dcm: expected the place of each of its 5 frames, got 3"):
        read_series(path.parent)


@pytest.mark.file_format("DICOM SEG", "written", "of enhanced files, with references to every frame")
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_segments_of_frames(path: Path, tmp_path: Path, kind: str) -> None:
    series = read_series(path.parent)
    classes = drawn(series)
    seg = write_dicom_seg(tmp_path / "seg.dcm", classes, series, NAMES, kind=kind)
    theirs = highdicom.seg.segread(seg)
    pixels = theirs.get_pixels_by_source_frame(
        series.instances[0], list(series.frames), assert_missing_frames_are_empty=True
    )
    numbers = list(theirs.segment_numbers)
    dataset = pydicom.dcmread(seg)
    for value in NAMES:
        np.testing.assert_array_equal(pixels[..., numbers.index(value)].T, classes == value)
    for keyword in ("DerivationImageSequence", "PlanePositionSequence"):  # by position, then by reference alone
        kept = [(group, group.pop(pydicom.tag.Tag(keyword))) for group in groups(dataset)]
        dataset.save_as(tmp_path / "less.dcm")
        found = read_dicom_seg(tmp_path / "less.dcm", series)
        assert not found.problems
        for value, name in NAMES.items():
            np.testing.assert_array_equal(found.masks[name], classes == value)
        for group, element in kept:
            group.add(element)


def test_a_reference_to_another_frame_than_the_place(path: Path, tmp_path: Path) -> None:
    series = read_series(path.parent)
    seg = write_dicom_seg(tmp_path / "seg.dcm", drawn(series), series, NAMES)
    dataset = pydicom.dcmread(seg)
    assert frames_of(dataset).any((1, 2)).all()
    source = groups(dataset)[0].DerivationImageSequence[0].SourceImageSequence[0]
    source.ReferencedFrameNumber = source.ReferencedFrameNumber % 5 + 1
    dataset.save_as(seg)
    found = read_dicom_seg(seg, series)
    assert "the segment liver is left out, since frame 1 refers to slice" in found.problems[0]


def test_a_file_of_one_frame_for_each_slice(tmp_path: Path) -> None:
    """They are one series; a SEG of several such files is nothing that highdicom writes."""
    uid = generate_uid()
    for index, dataset in enumerate(slices()):
        made = enhanced([dataset])
        made.SeriesInstanceUID = uid
        (tmp_path / "ct").mkdir(exist_ok=True)
        made.save_as(tmp_path / f"ct/{9 - index}.dcm")
    series = read_series(tmp_path / "ct")
    np.testing.assert_array_equal(series.voxels, stored() - 1024.0)
    with pytest.raises(InputError, match=r"seg\.dcm: expected a series of one file for each slice, or of one "):
        write_dicom_seg(tmp_path / "seg.dcm", drawn(series), series, NAMES)
    one = read_series([tmp_path / "ct/5.dcm"])
    with pytest.raises(InputError, match=r"of one file with all of several, got 1 files of a frame in "):
        write_dicom_seg(tmp_path / "seg.dcm", np.ones(one.shape, int), one, NAMES)
    assert not (tmp_path / "seg.dcm").exists()


def test_an_enhanced_file_without_an_element(tmp_path: Path) -> None:
    (tmp_path / "spoiled").mkdir()
    dataset = enhanced(slices()[:1])
    for group in (*groups(dataset), *dataset.SharedFunctionalGroupsSequence):
        for element in list(group):
            if element.keyword not in GROUPS:
                del group[element.tag]
    said = spoiled(tmp_path / "spoiled", dataset, lambda path: read_series(path.parent), "FunctionalGroups")
    assert len(said) > 4
