"""Fractions of DICOM SEG become labels, or maps of probabilities that an audit reads; other than distributions not."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

pytest.importorskip("highdicom")

from common.audit import read_probabilities
from common.audit.__main__ import audit
from common.convert import convert
from common.errors import InputError
from common.formats import Series, dicom_seg, read_dicom_seg, read_series, write_dicom_seg
from tests.common.formats.made_dicom import slices, write_slices
from tests.common.formats.test_dicom_seg import moved, write_theirs

NAMES = ["liver", "tumor"]
STEP = 1 / 255  # of what the files hold


@pytest.fixture
def series(tmp_path: Path) -> Series:
    return read_series(write_slices(tmp_path / "scans/ct", slices()))


def softmax(series: Series, seed: int = 0) -> np.ndarray:
    """(X, Y, Z, 3), certain of most voxels."""
    logits = np.random.default_rng(seed).normal(0, 6, (*series.shape, 3))
    logits[..., 0] += 2
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def write(path: Path, series: Series, foreground: np.ndarray, labels: list[str] = NAMES, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_theirs(path, series, foreground.astype(np.float32), "FRACTIONAL", labels, **options)


@pytest.mark.file_format("DICOM SEG", "read", "fractional as labels or as maps of probabilities")
def test_an_audit_reads_the_maps(tmp_path: Path, series: Series, capsys: pytest.CaptureFixture[str]) -> None:
    """Also of a class that the maps lack, and without a look at the annotator's own file."""
    exact = softmax(series)
    write(tmp_path / "net/ct.dcm", series, exact[..., 1:])
    drawn = exact.argmax(-1)
    drawn[:2, :2, 0] = 3
    path = write_dicom_seg(tmp_path / "ct_anna.dcm", drawn, series, {1: "liver", 2: "tumor", 3: "cyst"}, creator="Anna")
    exports = {"net": str(tmp_path / "net"), "anna": str(path)}
    convert(str(tmp_path / "scans"), str(tmp_path / "out"), exports, fractional="probabilities")
    assert json.loads((tmp_path / "out/classes.json").read_text()) == {
        "background": 0,
        "cyst": 1,
        "liver": 2,
        "tumor": 3,
    }
    image = nib.load(tmp_path / "out/probabilities/net/ct_probabilities.nii.gz")
    maps = np.asarray(image.dataobj)
    assert maps.dtype == np.float32 and np.array_equal(maps[..., 1], np.zeros(series.shape))
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-6)
    np.testing.assert_allclose(maps[..., [0, 2, 3]], exact, atol=2 * STEP)
    np.testing.assert_allclose(image.affine, series.affine, atol=1e-5)
    read = read_probabilities(tmp_path / "out/probabilities/net/ct_probabilities.nii.gz", series.shape)
    np.testing.assert_allclose(read, np.moveaxis(maps, -1, 0), atol=1e-6)

    said = capsys.readouterr().out
    assert "net: 1 of 1 image, probabilities\nFractions (1 × PROBABILITY) are maps of probabilities.\n" in said
    folders = [f"{tmp_path}/out/anna", f"{tmp_path}/out/probabilities/net"]
    command = f"--labels {shlex.quote(folders[0])} --probabilities {shlex.quote(folders[1])}"
    assert f"Audit with: python -m common.audit {command} --class_values" in said
    places = (str(tmp_path / name) for name in ("out/anna", "out/probabilities/net", "audit"))
    audit(*places, border_mm=1.0, class_values={"background": 0, "cyst": 1, "liver": 2, "tumor": 3})
    with (tmp_path / "audit/audit.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["case"] == "ct" and float(row["expected_dice"]) > 0


def test_labels_are_cut_at_one_half_and_that_is_said(
    tmp_path: Path, series: Series, capsys: pytest.CaptureFixture[str]
) -> None:
    exact = softmax(series, 1)
    path = write(tmp_path / "net.dcm", series, exact[..., 1:], fractional_type="OCCUPANCY")
    for fractional, said in (
        ("labels", "Fractions (1 × OCCUPANCY) were cut: from one half on is the class. --fractional probabilities"),
        (
            "probabilities",
            "are maps of probabilities; OCCUPANCY is the share of a voxel that a class covers, and does ",
        ),
    ):
        convert(str(tmp_path / "scans"), str(tmp_path / fractional), f"net={path}", fractional=fractional)
        assert said in capsys.readouterr().out
    label = np.asarray(nib.load(tmp_path / "labels/net/ct.nii.gz").dataobj)
    values = np.rint(exact[..., 1:] * 255)  # as they are stored
    np.testing.assert_array_equal(label, (values[..., 0] >= 127.5) + 2 * (values[..., 1] >= 127.5))
    assert not (tmp_path / "probabilities/net").exists()  # a data set would take maps there for labels


def test_one_half_twice_is_a_distribution(tmp_path: Path, series: Series) -> None:
    """Each is stored as 128 of 255, so that the sum is above 1: brought back to it, as all that rounding can do."""
    path = write(tmp_path / "ct.dcm", series, np.full((*series.shape, 2), 0.5))
    (found,) = dicom_seg.read(path, {"ct": tmp_path / "scans/ct"}, fractional="probabilities")
    assert not found.masks and found.fractional == "PROBABILITY"
    for name in NAMES:
        np.testing.assert_allclose(found.probabilities[name], 0.5, atol=1e-6)
    assert read_dicom_seg(path, series).probabilities["liver"].max() == np.float32(128 / 255)


def overlapping(dataset: pydicom.Dataset) -> None:
    values = np.full((dataset.NumberOfFrames, dataset.Rows, dataset.Columns), 51, np.uint8)
    values[:, 1, 1] = 130
    dataset.PixelData = values.tobytes()


def off_the_grid(dataset: pydicom.Dataset) -> None:
    moved(dataset, 1.25)


def undescribed(dataset: pydicom.Dataset) -> None:
    del dataset.SegmentSequence[1]


def partly_labeled(dataset: pydicom.Dataset) -> None:
    dataset.SegmentSequence[1].SegmentLabel = "not labeled"


def beyond(dataset: pydicom.Dataset) -> None:
    dataset.MaximumFractionalValue = 50


@pytest.mark.file_format(
    "DICOM SEG", "refused", "as probabilities: classes that overlap, or of which one cannot be taken"
)
@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        (
            overlapping,
            r"got liver, tumor with a sum of 1\.02 in one voxel, and sums above 1 in 5; classes that overlap",
        ),
        (
            off_the_grid,
            r"the rest is the background's, but liver cannot be taken; --fractional labels reads the others",
        ),
        (undescribed, "but segment 2 cannot be taken"),
        (partly_labeled, "but not labeled cannot be taken"),
        (beyond, r"ct\.dcm: expected values up to 50, its MaximumFractionalValue, got 51"),
    ],
)
def test_what_is_no_distribution(tmp_path: Path, series: Series, spoil, match: str) -> None:
    path = write(tmp_path / "ct.dcm", series, np.full((*series.shape, 2), 0.2))
    spoil(dataset := pydicom.dcmread(path))
    dataset.save_as(path)
    with pytest.raises(InputError, match=match):
        convert(str(tmp_path / "scans"), str(tmp_path / "out"), f"net={path}", fractional="probabilities")
    assert not (tmp_path / "out").exists()


def test_a_segment_of_the_background(tmp_path: Path, series: Series, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the rest, as without it; alone it says nothing of classes."""
    exact = softmax(series)
    for name, labels, values in (
        ("with", ["Background", *NAMES], exact),
        ("without", NAMES, exact[..., 1:]),
    ):
        path = write(tmp_path / name / "ct.dcm", series, values, labels)
        convert(str(tmp_path / "scans"), str(tmp_path / f"{name}_out"), f"net={path}", fractional="probabilities")
    assert "segments of this name left out: 1." in capsys.readouterr().out
    found, expected = (
        nib.load(tmp_path / f"{name}_out/probabilities/net/ct_probabilities.nii.gz").get_fdata()
        for name in ("with", "without")
    )
    np.testing.assert_allclose(found, expected, atol=3 * STEP)
    path = write(tmp_path / "alone/ct.dcm", series, exact[..., :1], ["background"])
    with pytest.raises(InputError, match="ct: expected probabilities of classes, got those of the background alone"):
        convert(str(tmp_path / "scans"), str(tmp_path / "out"), f"net={path}", fractional="probabilities")


def test_other_classes_and_choices(tmp_path: Path, series: Series) -> None:
    path = write(tmp_path / "ct.dcm", series, np.full((*series.shape, 2), 0.2))
    arguments = str(tmp_path / "scans"), str(tmp_path / "out"), f"net={path}"
    with pytest.raises(InputError, match="ct, annotator net: expected the classes liver, got tumor"):
        convert(*arguments, classes="liver", fractional="probabilities")
    with pytest.raises(InputError, match="--fractional: expected labels or probabilities, got maps"):
        convert(*arguments, fractional="maps")
    with pytest.raises(
        InputError, match="annotator Probabilities: the folder Probabilities is that of the data set itself"
    ):
        convert(*arguments[:2], f"Probabilities={path}")
