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
    (tmp_path / "exports").mkdir()
    write_dicom_seg(tmp_path / "exports/ct_anna.dcm", classes, series, NAMES, Algorithm("by hand", "1"), creator="Anna")
    write_seg_nrrd(tmp_path / "exports/ct_ben.seg.nrrd", classes, series.affine, NAMES)
    (tmp_path / "exports/notes.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match=r"but not this:\n.*notes.json: expected coco.*none of these formats"):
        convert(str(tmp_path / "scans"), str(tmp_path / "exports"), str(tmp_path / "out"))

    (item,) = read_dataset(tmp_path / "out").items
    assert sorted(item["annotators"]) == ["Anna", "ben"]
    for path in item["annotators"].values():
        label = nib.load(path)
        assert np.array_equal(np.asarray(label.dataobj), classes)
        assert np.allclose(label.affine, affine(), atol=1e-4)
    assert np.allclose(nib.load(item["image"]).affine, affine(), atol=1e-4)
