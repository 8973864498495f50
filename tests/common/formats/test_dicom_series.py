"""Slices become the volume that SimpleITK has, with the values of PET too, and what would move them is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from common.datasets import read_dataset
from common.errors import InputError
from common.formats.dicom_series import find_series, read_series, recognize, write_nifti
from common.io import read_header, save_like
from common.io.simple_itk import itk_voxels, read_itk
from tests.common.formats.made_dicom import SLICES, affine, position, slices, stored, write_slices


@pytest.mark.file_format("DICOM series", "read", "sorted by position")
@pytest.mark.file_format("DICOM series", "tested against", "SimpleITK")
def test_a_series_is_sorted_by_position(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "ct", slices())
    (folder / "notes.txt").write_text("no slice", encoding="utf-8")
    series = read_series(folder)
    np.testing.assert_array_equal(series.voxels, stored() - 1024.0)
    np.testing.assert_allclose(series.affine, affine(), atol=1e-8)
    assert series.shape == stored().shape and series.modality == "CT"
    assert series.instances == tuple(pydicom.dcmread(path).SOPInstanceUID for path in series.paths)
    assert [path.name for path in series.paths] == [f"{SLICES - index:02d}.dcm" for index in range(SLICES)]
    assert read_series(folder, voxels=False).voxels is None
    voxels, theirs = itk_voxels(read_itk(folder))
    np.testing.assert_array_equal(series.voxels, voxels)
    np.testing.assert_allclose(series.affine, theirs, atol=1e-6)
    assert recognize(folder) and not recognize(folder / "01.dcm") and not recognize(tmp_path)


@pytest.mark.file_format("DICOM series", "read", "slope and intercept of each slice")
@pytest.mark.parametrize("bits", [8, 16])
def test_the_slope_of_each_slice(tmp_path: Path, bits: int) -> None:
    """SimpleITK alone takes the type of the first slice and loses the fractions of the others."""
    datasets = slices(Modality="PT", RescaleIntercept=0, PixelRepresentation=0, BitsAllocated=bits, BitsStored=bits)
    expected = stored().astype(f"u{bits // 8}").astype(float)
    for index, dataset in enumerate(datasets):
        dataset.HighBit, dataset.RescaleSlope = bits - 1, (1, 0.25, 0.3, 2.5, 0.001)[index]
        dataset.RescaleIntercept = -0.5 * (index == 3)
        plane = np.ascontiguousarray(stored()[:, :, index].T).astype(f"u{bits // 8}")
        dataset.PixelData = plane.tobytes()
        expected[:, :, index] = expected[:, :, index] * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    folder = write_slices(tmp_path / "pet", datasets)
    np.testing.assert_array_equal(read_series(folder).voxels, expected.astype(np.float32))
    np.testing.assert_allclose(itk_voxels(read_itk(folder))[0], expected, rtol=1e-6)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    assert np.abs(itk_voxels(sitk.ReadImage(names))[0] - expected).max() > 0.4  # why read_itk asks for another type


def test_one_slice(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "one", slices()[:1])
    np.testing.assert_allclose(read_series(folder).affine, affine(), atol=1e-8)
    write_slices(folder, slices(SliceThickness=None)[:1])
    with pytest.raises(InputError, match=r"01\.dcm: expected SliceThickness of the only slice"):
        read_series(folder)


def missing(datasets: list) -> None:
    del datasets[2]


def twice(datasets: list) -> None:
    datasets[3].ImagePositionPatient = datasets[2].ImagePositionPatient


def tilted(datasets: list) -> None:
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = position(index, (0, 0.5 * index))


def turned(datasets: list) -> None:
    datasets[4].ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def smaller(datasets: list) -> None:
    datasets[1].Rows -= 1
    datasets[1].PixelData = datasets[1].PixelData[: -2 * datasets[1].Columns]


def finer(datasets: list) -> None:
    datasets[1].PixelSpacing = [0.5, 0.5]


def nowhere(datasets: list) -> None:
    del datasets[1].ImagePositionPatient


def elsewhere(datasets: list) -> None:
    datasets[1].FrameOfReferenceUID = "1.2.3"


def several_frames(datasets: list) -> None:
    datasets[1].NumberOfFrames = 2


def short(datasets: list) -> None:
    datasets[1].PixelData = datasets[1].PixelData[:-4]


def another_series(datasets: list) -> None:
    datasets[1].SeriesInstanceUID = "1.2.3"


@pytest.mark.file_format(
    "DICOM series", "refused", "missing slices, mixed directions and sizes, a tilted gantry, colors, lookup tables"
)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (missing, r"slices are missing, such as between 03\.dcm and 02\.dcm"),  # not the file names' gap
        (twice, r"expected one slice at each place, got 02\.dcm and 03\.dcm 0 mm apart"),
        (
            tilted,
            r"stacked at a right angle, got slices that are shifted by up to 1\.5 mm .*tilted by 8\.5°",
        ),
        (turned, r"expected slices of one direction.*in 01\.dcm"),
        (smaller, r"expected slices of one size, 7 × 6, got 7 × 5 in 04\.dcm"),
        (finer, r"expected slices of one spacing of pixels, 0\.75 × 1\.5, got 0\.5 × 0\.5 in 04\.dcm"),
        (nowhere, r"04\.dcm: expected ImagePositionPatient"),
        (elsewhere, r"expected slices of one frame of reference"),
        (several_frames, r"04\.dcm: expected the place of each of its 2 frames, got 0"),
        (short, r"04\.dcm: its pixels cannot be read"),
        (another_series, r"one DICOM series, but it holds 2 series: 1\.2\.3 \(1 files\)"),
    ],
)
def test_what_is_refused(tmp_path: Path, spoil, match: str) -> None:
    datasets = slices()
    spoil(datasets)
    with pytest.raises(InputError, match=match):
        read_series(write_slices(tmp_path / "ct", datasets))


@pytest.mark.parametrize("spoil", [tilted, turned])
def test_what_simple_itk_would_straighten(tmp_path: Path, spoil) -> None:
    datasets = slices()
    spoil(datasets)
    folder = write_slices(tmp_path / "ct", datasets)
    sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))  # without complaint
    with pytest.raises(InputError, match=r"ct: expected slices (stacked at a right angle|of one direction)"):
        read_itk(folder)


def test_several_series_in_one_folder(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "both", slices())
    for index, dataset in enumerate(other := slices(RescaleIntercept=7)):
        dataset.save_as(folder / f"other{index}", enforce_file_format=True)
    uid = str(other[0].SeriesInstanceUID)
    assert len(find_series(folder)) == 2
    np.testing.assert_array_equal(read_series(folder, uid).voxels, stored() + 7.0)
    with pytest.raises(InputError, match=r"expected files of the series 1\.2\.3"):
        read_series(folder, "1.2.3")


def test_the_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_slices(tmp_path / "ct", slices())
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(InputError, match=r"needs pydicom.*\.\[formats\]"):
        read_series(folder)


def test_a_result_on_a_series_as_nifti(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "ct", slices())
    header = read_header(folder)
    assert header.shape == stored().shape
    np.testing.assert_allclose(header.affine, affine(), atol=1e-6)
    path = save_like(folder, (stored() > 100).astype(np.uint8), tmp_path / "result")
    image = nib.load(path)
    assert path.name == "result.nii.gz"
    np.testing.assert_allclose(image.affine, affine(), atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj), stored() > 100)


@pytest.mark.file_format("DICOM series", "written", "as NIfTI")
def test_a_series_as_nifti(tmp_path: Path) -> None:
    series = read_series(write_slices(tmp_path / "ct", slices()))
    image = nib.load(write_nifti(tmp_path / "new/ct.nii.gz", series))
    np.testing.assert_allclose(image.affine, affine(), atol=1e-5)
    np.testing.assert_array_equal(np.asarray(image.dataobj), stored() - 1024.0)
    with pytest.raises(InputError, match=r"a\.nrrd: expected a name that ends with \.nii\.gz"):
        write_nifti(tmp_path / "a.nrrd", series)
    with pytest.raises(InputError, match="expected a series with voxels"):
        write_nifti(tmp_path / "a.nii", read_series(tmp_path / "ct", voxels=False))


@pytest.mark.parametrize("ending", [".dcm", ""])
def test_a_data_set_of_series_is_sent_to_convert(tmp_path: Path, ending: str) -> None:
    """Inference reads series; a training says what makes a data set of them."""
    folder = write_slices(tmp_path / "images/p1", slices())
    for file in folder.iterdir():
        file.rename(file.with_suffix(ending))
    (tmp_path / "labels").mkdir()
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2)), np.eye(4)), tmp_path / "labels/p1.nii.gz")
    for root, first in ((tmp_path, "images/p1/01"), (folder, "01")):
        with pytest.raises(InputError, match=rf"are DICOM files, the first is {first}{ending}: .*common\.convert"):
            read_dataset(root)
