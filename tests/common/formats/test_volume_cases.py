"""Files of several annotators find their case and keep their annotators apart, also on NIfTI made of the series."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from common.errors import InputError
from common.formats import dicom_seg, rtstruct, seg_nrrd
from common.formats.dicom_seg_writing import write_dicom_seg
from common.formats.dicom_series import Series, read_series
from common.formats.exports import read_export
from common.formats.seg_nrrd import write_seg_nrrd
from common.formats.volume_cases import annotator_of, case_of
from tests.common.formats.made_dicom import affine, slices, write_slices
from tests.common.formats.test_rtstruct import SQUARE, structures
from tests.common.formats.test_rtstruct import write as write_structures

NAMES = {1: "liver", 2: "tumor"}


@pytest.fixture
def images(tmp_path: Path) -> dict[str, Path]:
    return {name: write_slices(tmp_path / "images" / name, slices()) for name in ("one", "two")}


def drawn(series: Series, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1, 0, 1, 2], series.shape)


def test_several_segmentations_of_one_series(tmp_path: Path, images: dict[str, Path]) -> None:
    series = read_series(images["two"])
    for seed, options in enumerate(({"creator": "Doe^Jane"}, {"description": "Expert 2"}, {"creator": "Ann"})):
        write_dicom_seg(tmp_path / f"{seed}.dcm", drawn(series, seed), series, NAMES, **options)
    for by, names in {
        "creator": ("Doe Jane", "Expert 2", "Ann"),
        "file": "012",
        "description": ("Segmentation", "Expert 2", "Segmentation"),
    }.items():
        for seed, name in enumerate(names):
            (found,) = read_export(tmp_path / f"{seed}.dcm", images, [], by=by)
            assert (found.case, found.annotator, found.problems) == ("two", name, ())
            np.testing.assert_array_equal(found.masks["tumor"], drawn(series, seed) == 2)
            np.testing.assert_array_equal(found.ignored, drawn(series, seed) == -1)
            assert list(found.masks) == ["liver", "tumor"]


def test_on_nifti_turned_over(tmp_path: Path, images: dict[str, Path]) -> None:
    """As dcm2niix stores it, with the second axis turned over: by position, and by name for want of UIDs."""
    series = read_series(images["one"])
    turned = np.diag([1.0, -1, 1, 1])
    turned[1, 3] = series.shape[1] - 1
    nib.save(nib.Nifti1Image(series.voxels[:, ::-1], affine() @ turned), tmp_path / "one.nii.gz")
    path = write_dicom_seg(tmp_path / "one_ann.dcm", drawn(series, 3), series, NAMES)
    structured = write_structures(
        tmp_path / "one_bob.dcm", structures(series, {"a": [(1, SQUARE)], "not labeled": [(2, SQUARE)]})
    )
    slicer = write_seg_nrrd(tmp_path / "carl/one.seg.nrrd", drawn(series, 4), series.affine, NAMES)
    niftis = {"one": tmp_path / "one.nii.gz"}
    (seg,) = dicom_seg.read(path, niftis, annotator="file")
    (contours,) = read_export(structured, niftis, [], by="file")
    (nrrd,) = read_export(slicer, niftis, [])
    assert [one.annotator for one in (seg, contours, nrrd)] == ["ann", "bob", "carl"]
    assert not seg.problems + contours.problems + nrrd.problems
    np.testing.assert_array_equal(seg.masks["liver"], drawn(series, 3)[:, ::-1] == 1)
    np.testing.assert_array_equal(nrrd.masks["liver"], drawn(series, 4)[:, ::-1] == 1)
    np.testing.assert_array_equal(nrrd.ignored, drawn(series, 4)[:, ::-1] == -1)
    assert contours.masks["a"][1:6, 1:5, 1].all() and contours.masks["a"].sum() == 20
    assert list(contours.masks) == ["a"] and contours.ignored[1:6, 1:5, 2].all() and contours.ignored.sum() == 20


def test_one_drawing_in_three_formats(tmp_path: Path, images: dict[str, Path]) -> None:
    """On the series itself, the same bits come out of each."""
    series = read_series(images["one"])
    classes = np.zeros(series.shape, int)
    classes[1:6, 1:5, 2] = 1
    paths = (
        write_dicom_seg(tmp_path / "a.dcm", classes, series, {1: "a"}),
        write_structures(tmp_path / "b.dcm", structures(series, {"a": [(2, SQUARE)]})),
        write_seg_nrrd(tmp_path / "one_c.seg.nrrd", classes, series.affine, {1: "a"}),
    )
    for module, path in zip((dicom_seg, rtstruct, seg_nrrd), paths, strict=True):
        assert [other.recognize(path) for other in (dicom_seg, rtstruct, seg_nrrd)].count(True) == 1
        assert module.recognize(path)
        (found,) = module.read(path, images)
        assert found.case == "one" and not found.problems
        np.testing.assert_array_equal(found.masks["a"], classes == 1)


def test_a_case_in_a_folder_is_that_of_files_below_a_folder_of_its_name() -> None:
    images = {"p1/ct": "p1/ct", "p2/ct": "p2/ct", "mr": "mr.nii"}
    for path, case, who in (
        ("exports/anna/p2/ct.seg.nrrd", "p2/ct", "anna"),
        ("exports/p1/anna/ct.seg.nrrd", "p1/ct", "anna"),
        ("p1/ct_ben.seg.nrrd", "p1/ct", "ben"),
        ("p2/ct/carl.dcm", "p2/ct", "carl"),
        ("p1/mr_ben.dcm", "mr", "ben"),
    ):
        assert case_of(path, images) == case and annotator_of(path, case) == who
    for path in ("ct.seg.nrrd", "p3/ct.seg.nrrd", "p1/ctx.seg.nrrd"):
        with pytest.raises(InputError, match="named like it"):
            case_of(path, images)


def test_what_does_not_fit(tmp_path: Path, images: dict[str, Path]) -> None:
    series = read_series(images["one"])
    path = write_dicom_seg(tmp_path / "x.dcm", drawn(series, 0), series, NAMES)
    with pytest.raises(InputError, match=r"x\.dcm: expected an image that is of its series [0-9.]+ or named like it"):
        next(dicom_seg.read(path, {"two": images["two"]}))
    with pytest.raises(InputError, match="expected an annotator by creator, description, file, folder, got name"):
        next(dicom_seg.read(path, images, annotator="name"))
    dataset = pydicom.dcmread(path)
    del dataset.SeriesDescription
    with pytest.raises(InputError, match="expected a description"):
        annotator_of(path, "one", "description", dataset)
    assert annotator_of("r1/x.dcm", "one", "folder") == "r1" and annotator_of("r1/x.dcm", "one") == "x"
    with pytest.raises(InputError, match="named like it, got none among 1 image, such as one"):
        case_of("oneself.seg.nrrd", {"one": "one.nii"})
