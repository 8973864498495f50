"""SEGs of highdicom read as they were drawn; ours read by highdicom and pydicom: same voxels, same place."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from common.errors import InputError
from common.formats.dicom_seg import read_dicom_seg, recognize, referenced_series
from common.formats.dicom_seg_writing import Algorithm, SegmentCode, write_dicom_seg
from common.formats.dicom_series import Series, read_series
from tests.common.formats.made_dicom import affine, slices, write_slices

ALGORITHM = Algorithm("soft_label_apl", "0.1")


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return read_series(write_slices(tmp_path / "ct", slices()))


def drawn(series: Series, seed: int = 0) -> np.ndarray:
    """(X, Y, Z) of the classes 0, 1, 2, nothing in the first and last slice and no symmetry."""
    classes = np.random.default_rng(seed).choice([0, 0, 1, 2], series.shape)
    classes[:, :, [0, -1]] = 0
    return classes


def described(label: str, number: int, kind: Any = codes.SCT.Tissue) -> highdicom.seg.SegmentDescription:
    return highdicom.seg.SegmentDescription(number, label, codes.SCT.Tissue, kind, "MANUAL")


def write_theirs(
    path: Path, series: Series, pixels: np.ndarray, kind: str, labels=("liver", "Tumör"), **options: Any
) -> Path:
    """Of ``pixels`` (X, Y, Z[, segments]), by highdicom."""
    order = [*reversed(range(3)), *range(3, pixels.ndim)]
    highdicom.seg.Segmentation(
        [pydicom.dcmread(source) for source in series.paths],
        np.ascontiguousarray(pixels.transpose(order)),
        kind,
        [described(label, number) for number, label in enumerate(labels, start=1)],
        generate_uid(),
        2,
        generate_uid(),
        1,
        "Maker",
        "Model",
        "1",
        "1",
        specific_character_set="ISO_IR 192",
        **options,
    ).save_as(path)
    return path


@pytest.mark.file_format("DICOM SEG", "read", "binary, fractional, labelmap; omitted frames")
@pytest.mark.file_format("DICOM SEG", "tested against", "highdicom")
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
@pytest.mark.parametrize("omit", [True, False])
def test_theirs_read_by_ours(tmp_path: Path, series: Series, kind: str, omit: bool) -> None:
    classes = drawn(series)
    path = write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), kind, omit_empty_frames=omit)
    found = read_dicom_seg(path, series)
    assert list(found.masks) == ["liver", "Tumör"] and not found.problems and not found.probabilities
    for value, mask in enumerate(found.masks.values(), start=1):
        np.testing.assert_array_equal(mask, classes == value)
    assert recognize(path) and not recognize(series.paths[0])
    assert referenced_series(pydicom.dcmread(path)) == series.series_uid


@pytest.mark.file_format("DICOM SEG", "read", "overlapping segments")
def test_overlapping_segments(tmp_path: Path, series: Series) -> None:
    both = np.random.default_rng(1).random((*series.shape, 2)) < 0.4
    found = read_dicom_seg(write_theirs(tmp_path / "a.dcm", series, both.astype(np.uint8), "BINARY"), series)
    np.testing.assert_array_equal(np.stack(list(found.masks.values()), -1), both)


@pytest.mark.parametrize("most", [255, 254, 10])
def test_fractions_and_one_half(tmp_path: Path, series: Series, most: int) -> None:
    """Of 255, one half is stored as 128, which highdicom gives back as 0.50196; it belongs to the segment."""
    exact = np.random.default_rng(2).choice([0, 0.25, 0.5, 0.75, 1.0], series.shape)
    path = write_theirs(
        tmp_path / "a.dcm", series, exact[..., None].astype(np.float32), "FRACTIONAL", ["x"], max_fractional_value=most
    )
    found = read_dicom_seg(path, series)
    theirs = highdicom.seg.segread(path).get_pixels_by_source_instance(series.instances)
    np.testing.assert_allclose(found.probabilities["x"], theirs[..., 0].T, atol=1e-7)
    assert np.abs(found.probabilities["x"] - exact).max() <= 0.5 / most + 1e-7
    np.testing.assert_array_equal(found.masks["x"], exact >= 0.5)
    if most == 255:
        assert np.isclose(theirs[theirs > 0.5].min(), 128 / 255)  # so a tie has changed sides


def frames_of(dataset: pydicom.Dataset) -> np.ndarray:
    return dataset.pixel_array.reshape(-1, dataset.Rows, dataset.Columns)


def repack(dataset: pydicom.Dataset, frames: np.ndarray) -> None:
    from pydicom.pixels import pack_bits

    dataset.NumberOfFrames = len(frames)
    dataset.PixelData = pack_bits(frames.ravel())


@pytest.mark.file_format("DICOM SEG", "read", "frames in any order")
def test_frames_in_any_order_and_without_positions_or_references(tmp_path: Path, series: Series) -> None:
    classes = drawn(series)
    write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), "BINARY")
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    order = np.random.default_rng(3).permutation(dataset.NumberOfFrames)
    frames, groups = frames_of(dataset)[order], dataset.PerFrameFunctionalGroupsSequence
    repack(dataset, frames)
    dataset.PerFrameFunctionalGroupsSequence = [groups[index] for index in order]
    for keyword in ("DerivationImageSequence", "PlanePositionSequence"):
        kept = [(group, group[keyword]) for group in dataset.PerFrameFunctionalGroupsSequence]
        for group, _ in kept:
            del group[keyword]
        dataset.save_as(tmp_path / "b.dcm")
        found = read_dicom_seg(tmp_path / "b.dcm", series)
        assert not found.problems
        np.testing.assert_array_equal(found.masks["liver"], classes == 1)
        np.testing.assert_array_equal(found.masks["Tumör"], classes == 2)
        for group, element in kept:
            group[keyword] = element


def test_frames_of_another_cut(tmp_path: Path, series: Series) -> None:
    """Turned over along both axes, as tools that reorient write them, and cropped."""
    classes = drawn(series)
    write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), "BINARY")
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    frames = frames_of(dataset)[:, ::-1, 1:][:, :, ::-1]
    repack(dataset, frames)
    dataset.Columns -= 1
    shared = dataset.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence[0]
    directions = np.array([float(value) for value in shared.ImageOrientationPatient])
    shared.ImageOrientationPatient = [f"{-value:.12f}" for value in directions]
    for group in dataset.PerFrameFunctionalGroupsSequence:
        plane = group.PlanePositionSequence[0]
        begin = np.array([float(value) for value in plane.ImagePositionPatient])
        begin += directions[:3] * 1.5 * (series.shape[0] - 1) + directions[3:] * 0.75 * (series.shape[1] - 1)
        plane.ImagePositionPatient = [f"{value:.9f}" for value in begin]
    dataset.save_as(tmp_path / "b.dcm")
    found = read_dicom_seg(tmp_path / "b.dcm", series)
    assert not found.problems
    expected = classes.copy()
    expected[0] = 0  # cut away
    np.testing.assert_array_equal(found.masks["liver"], expected == 1)
    np.testing.assert_array_equal(found.masks["Tumör"], expected == 2)


def moved(dataset: pydicom.Dataset, by: float) -> None:
    plane = dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0]
    x, y, z = plane.ImagePositionPatient
    plane.ImagePositionPatient = [x, y, float(z) + by]


@pytest.mark.file_format("DICOM SEG", "refused", "classes with a frame beside the grid")
@pytest.mark.parametrize(
    ("by", "match"),
    [
        (1.25, r"a\.dcm: the segment liver is left out, since frame 1 does not lie on the voxels of the series \(it"),
        (2.5, r"a\.dcm: the segment liver is left out, since frame 1 refers to slice 4 of the series, but lies on "),
    ],
)
def test_a_frame_off_the_grid(tmp_path: Path, series: Series, by: float, match: str) -> None:
    classes = drawn(series)
    write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), "BINARY")
    dataset = pydicom.dcmread(tmp_path / "a.dcm")
    moved(dataset, by)
    dataset.save_as(tmp_path / "a.dcm")
    found = read_dicom_seg(tmp_path / "a.dcm", series)
    assert len(found.problems) == 1
    assert re.search(match, found.problems[0])
    assert list(found.masks) == ["Tumör"]
    np.testing.assert_array_equal(found.masks["Tumör"], classes == 2)
    dataset.SegmentSequence[1].SegmentLabel = "liver"
    dataset.save_as(tmp_path / "a.dcm")
    assert not read_dicom_seg(tmp_path / "a.dcm", series).masks  # a part of the liver would be a wrong label


def test_a_segmentation_of_more_slices(tmp_path: Path, series: Series) -> None:
    classes = drawn(series)
    path = write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), "BINARY")
    fewer = read_series(series.paths[2:])
    found = read_dicom_seg(path, fewer)
    np.testing.assert_array_equal(found.masks["liver"], classes[:, :, 2:] == 1)
    lost = int((classes[:, :, :2] == 1).sum())
    assert found.problems[0] == f"{path}: {lost} voxels of liver lie outside of the series and are left out."


def test_names(tmp_path: Path, series: Series) -> None:
    classes = drawn(series)
    path = write_theirs(tmp_path / "a.dcm", series, classes.astype(np.uint8), "BINARY", ["lesion", "lesion"])
    found = read_dicom_seg(path, series)
    np.testing.assert_array_equal(found.masks["lesion"], classes > 0)
    assert "the segments 1, 2 are all named lesion; they count as one class" in found.problems[0]
    assert list(read_dicom_seg(path, series, names="code").masks) == ["Tissue"]
    with pytest.raises(InputError, match=r"a\.dcm: expected names by label or code, got color"):
        read_dicom_seg(path, series, names="color")
    with pytest.raises(InputError, match=r"expected a DICOM SEG.*got another kind of file"):
        read_dicom_seg(series.paths[0], series)


@pytest.mark.file_format("DICOM SEG", "written", "binary, labelmap; codes, algorithm, references")
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_ours_read_by_theirs(tmp_path: Path, series: Series, kind: str) -> None:
    classes = np.where(drawn(series) == 2, 7, drawn(series))
    classes[0, 0, 1] = -1
    liver = SegmentCode(("123037004", "SCT", "Anatomical Structure"), ("10200004", "SCT", "Liver"))
    path = write_dicom_seg(
        tmp_path / "new/a.dcm",
        classes,
        series,
        {1: "liver", 7: "Tumör", 9: "absent"},
        ALGORITHM,
        {1: liver},
        kind,
        creator="Doe^Jane",
    )
    theirs = highdicom.seg.segread(path)
    assert [one.SegmentLabel for one in theirs.SegmentSequence if one.SegmentNumber] == [
        *("liver", "Tumör", "absent", "not labeled")
    ]
    numbers = list(theirs.segment_numbers)
    pixels = theirs.get_pixels_by_source_instance(series.instances, assert_missing_frames_are_empty=True)
    for value, number in {1: 1, 7: 2, 9: 3, -1: 4}.items():
        np.testing.assert_array_equal(pixels[..., numbers.index(number)].T, classes == value)
    first = theirs.get_segment_description(1)
    assert first.segmented_property_type.meaning == "Liver" and first.algorithm_type.value == "AUTOMATIC"
    assert first.algorithm_identification.name == "soft_label_apl"
    assert theirs.ReferencedSeriesSequence[0].SeriesInstanceUID == series.series_uid
    ours = read_dicom_seg(path, series)
    np.testing.assert_array_equal(ours.masks["Tumör"], classes == 7)
    assert not ours.masks["absent"].any()


def test_the_place_by_their_volume(tmp_path: Path, series: Series) -> None:
    """highdicom's volume runs in whichever order, without empty ends: its affine says where its voxels are."""
    classes = drawn(series)
    path = write_dicom_seg(tmp_path / "a.dcm", classes, series, {1: "a", 2: "b"}, ALGORITHM)
    volume = highdicom.seg.segread(path).get_volume(combine_segments=True)
    for index in np.argwhere(volume.array > 0):
        place = np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine @ [*index, 1]
        voxel = np.linalg.inv(affine()) @ place
        np.testing.assert_allclose(voxel, np.rint(voxel), atol=1e-4)
        assert classes[tuple(np.rint(voxel[:3]).astype(int))] == volume.array[tuple(index)]
    assert (volume.array > 0).sum() == (classes > 0).sum()
    assert volume.array.shape[0] == 3  # of five slices


@pytest.mark.file_format("DICOM SEG", "tested against", "SimpleITK")
def test_ours_read_by_simple_itk(tmp_path: Path, series: Series) -> None:
    """Its "slices" are the frames of all segments, 255 for what is drawn, 1 mm apart.

    Bits after the last whole byte are not read, and where each frame lies must be asked of the file's own positions: so
    SEGs are not left to SimpleITK.
    """
    classes = drawn(series)
    path = write_dicom_seg(tmp_path / "a.dcm", classes, series, {1: "a", 2: "b"}, ALGORITHM)
    image = sitk.ReadImage(str(path))
    frames = sitk.GetArrayFromImage(image)
    assert image.GetSize() == (*series.shape[:2], 6) and image.GetSpacing() == (1, 1, 1)
    dataset = pydicom.dcmread(path)
    lost = frames.size % 8
    assert lost == 4
    np.testing.assert_array_equal(frames.ravel()[:-lost], 255 * dataset.pixel_array.ravel()[:-lost])
    rebuilt = np.zeros_like(classes)
    for frame, group in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        place = np.array(group.PlanePositionSequence[0].ImagePositionPatient, float) * (-1, -1, 1)
        x, y, z = np.rint(np.linalg.inv(affine()) @ [*place, 1])[:3].astype(int)
        assert x == y == 0
        rebuilt[:, :, z][frame.T == 255] = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
    same = rebuilt == classes
    assert same.sum() >= same.size - lost and same[:, :-1].all()
    found = read_dicom_seg(path, series)
    np.testing.assert_array_equal(found.masks["a"] + 2 * found.masks["b"], classes)
    labels = write_dicom_seg(tmp_path / "b.dcm", classes, series, {1: "a", 2: "b"}, ALGORITHM, kind="LABELMAP")
    with pytest.raises(RuntimeError, match="Unable to determine ImageIO reader"):
        sitk.ReadImage(str(labels))


def test_what_is_not_written(tmp_path: Path, series: Series, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = drawn(series)
    path = tmp_path / "a.dcm"
    for map_, names, match in (
        (classes[:-1], {1: "a", 2: "b"}, r"expected the size \(7, 6, 5\) of the series, got \(6, 6, 5\)"),
        (classes, {1: "a"}, "expected the classes 1, got 2"),
        (classes, {1: "a", 2: "a"}, "a name of its own for each class, got 'a' twice"),
        (classes * 1.0, {1: "a", 2: "b"}, "expected a class map of integers, got float64"),
        (classes * 0, {}, "expected at least one class"),
    ):
        with pytest.raises(InputError, match=match):
            write_dicom_seg(path, map_, series, names)
    with pytest.raises(InputError, match="expected the kind BINARY or LABELMAP, got FRACTIONAL"):
        write_dicom_seg(path, classes, series, {1: "a", 2: "b"}, kind="FRACTIONAL")
    bare = slices()
    for dataset in bare:
        del dataset.PatientID
    bare_series = read_series(write_slices(tmp_path / "bare", bare))
    with pytest.raises(InputError, match=r"a\.dcm cannot be made of the series .*bare: .*PatientID"):
        write_dicom_seg(path, classes, bare_series, {1: "a", 2: "b"})
    assert not path.exists() and not list(tmp_path.glob(".partial*"))
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(InputError, match=r"needs highdicom.*\.\[formats\]"):
        write_dicom_seg(path, classes, series, {1: "a", 2: "b"})
