"""A DICOM series and its annotators' DICOM SEG and .seg.nrrd become a data set with the same labels."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

pytest.importorskip("highdicom")

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError
from common.formats import Algorithm, read_series, write_dicom_seg, write_seg_nrrd
from tests.common.formats.made_dicom import affine, slices, write_slices

NAMES = {1: "edema", 2: "tumor"}


def test_a_series_and_two_annotators(tmp_path: Path) -> None:
    series = read_series(write_slices(tmp_path / "scans/ct", slices()))
    classes = np.random.default_rng(0).choice([0, 0, 1, 2], series.shape)
    (tmp_path / "scans/ct/preview.png").write_bytes(b"no image of a case")
    (tmp_path / "exports").mkdir()
    write_dicom_seg(tmp_path / "exports/ct_anna.dcm", classes, series, NAMES, Algorithm("by hand", "1"), creator="Anna")
    write_seg_nrrd(tmp_path / "exports/ct_ben.seg.nrrd", classes, series.affine, NAMES)
    (tmp_path / "exports/notes.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match=r"but look at this:\n.*notes.json: expected coco.*none of these formats"):
        convert(str(tmp_path / "scans"), str(tmp_path / "out"), str(tmp_path / "exports"))

    (item,) = read_dataset(tmp_path / "out").items
    assert sorted(item["annotators"]) == ["Anna", "ben"]
    for path in item["annotators"].values():
        label = nib.load(path)
        assert np.array_equal(np.asarray(label.dataobj), classes)
        assert np.allclose(label.affine, affine(), atol=1e-4)
    assert np.allclose(nib.load(item["image"]).affine, affine(), atol=1e-4)


def test_a_slice_of_two_axes_takes_masks_of_three(tmp_path: Path) -> None:
    classes = np.random.default_rng(0).choice([0, 1, 2], (5, 4, 1))
    for name in ("scans", "exports"):
        (tmp_path / name).mkdir()
    nib.save(nib.Nifti1Image(np.zeros((5, 4), np.float32), np.eye(4)), tmp_path / "scans/a.nii.gz")
    write_seg_nrrd(tmp_path / "exports/a_ben.seg.nrrd", classes, np.eye(4), NAMES)
    convert(str(tmp_path / "scans"), str(tmp_path / "out"), str(tmp_path / "exports"))
    label = nib.load(tmp_path / "out/ben/a.nii.gz")
    assert np.array_equal(np.asarray(label.dataobj), classes[..., 0])


@pytest.mark.parametrize("images", ["scans", "scans/{case}_0000.nii.gz", "scans/{case}_*.nii.gz"])
def test_images_that_nnunet_names(tmp_path: Path, images: str) -> None:
    classes = np.random.default_rng(0).choice([0, 1, 2], (5, 4, 3))
    for name in ("scans", "exports"):
        (tmp_path / name).mkdir()
    nib.save(nib.Nifti1Image(np.zeros((5, 4, 3), np.float32), np.eye(4)), tmp_path / "scans/a_1_0000.nii.gz")
    write_seg_nrrd(tmp_path / "exports/a_1.seg.nrrd", classes, np.eye(4), NAMES)
    convert(str(tmp_path / images), str(tmp_path / "out"), f"ben={tmp_path}/exports")
    assert np.array_equal(np.asarray(nib.load(tmp_path / "out/ben/a_1.nii.gz").dataobj), classes)
    assert (tmp_path / "out/images/a_1.nii.gz").is_file()


@pytest.mark.file_format("DICOM series", "written", "by common.convert, also without exports")
def test_images_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A series becomes NIfTI, a file is copied, what cannot be read is named; both may be made anew."""
    series = read_series(write_slices(tmp_path / "scans/ct", slices()))
    write_slices(tmp_path / "scans/gap", [*slices()[:2], *slices()[3:]])
    nib.save(nib.Nifti1Image(np.ones((2, 2, 2)), np.eye(4)), tmp_path / "scans/mr.nii.gz")
    out = tmp_path / "out"
    for options in ({}, {"overwrite": True}):
        with pytest.raises(InputError, match=r"the rest was written, but look at this:\n  .*gap.* 2 series") as error:
            convert(str(tmp_path / "scans"), str(out), **options)
        assert len(str(error.value).splitlines()) == 2
    assert "2 of 3 images, 1 of them DICOM series; nobody drew labels.\nSegment them with: " in capsys.readouterr().out
    assert sorted(path.name for path in (out / "images").iterdir()) == ["ct.nii.gz", "mr.nii.gz"]
    assert np.array_equal(np.asarray(nib.load(out / "images/ct.nii.gz").dataobj), series.voxels)
    (out / "labels").mkdir()
    nib.save(nib.Nifti1Image(np.ones(series.shape), series.affine), out / "labels/ct.nii.gz")
    assert [item["case"] for item in read_dataset(out).items] == ["ct"]
    with pytest.raises(
        InputError, match=r"out: --overwrite replaces images without labels, and would take labels away"
    ):
        convert(str(tmp_path / "scans"), str(out), overwrite=True)
    with pytest.raises(InputError, match=r"nothing could be written:\n  .*empty"):
        (tmp_path / "no/empty").mkdir(parents=True)
        (tmp_path / "no/empty/a.txt").touch()
        convert(str(tmp_path / "no"), str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()
