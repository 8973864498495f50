"""Readings of LIDC-IDRI's form: contours just outside of nodules, holes, points, and groups of what overlaps."""

from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from matplotlib.path import Path as Outline

pytest.importorskip("pydicom")

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError
from common.formats import Series, lidc, read_series
from tests.common.formats import made_dicom
from tests.common.formats.made_dicom import slices, write_slices

SIDE = 12
SQUARE = [(2, 2), (8, 2), (8, 8), (2, 8)]
HOLE = [(4, 4), (6, 4), (6, 6), (4, 6)]


@pytest.fixture
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Series:
    for name in ("COLUMNS", "ROWS"):
        monkeypatch.setattr(made_dicom, name, SIDE)
    return read_series(write_slices(tmp_path / "scans/ct", slices()), voxels=False)


def points(corners: list[tuple[int, int]], tag: str = "edgeMap") -> str:
    return "".join(f"<{tag}><xCoord>{x}</xCoord><yCoord>{y}</yCoord></{tag}>" for x, y in corners)


def place(series: Series, index: int, uid: bool = True, z: float | None = None) -> str:
    height = series.affine[2, 2] * index + series.affine[2, 3] if z is None else z
    return f"<imageZposition> {height} </imageZposition>" + (
        f"<imageSOP_UID>{series.instances[index]}</imageSOP_UID>" if uid else ""
    )


def nodule(name: str, *regions: tuple[str, bool, list[tuple[int, int]]]) -> str:
    parts = "".join(
        f"<roi>{where}<inclusion>{str(included).upper()}</inclusion>{points(corners)}</roi>"
        for where, included, corners in regions
    )
    return f"<unblindedReadNodule><noduleID>{name}</noduleID>{parts}</unblindedReadNodule>"


def write(path: Path, series: Series, *sessions: str) -> Path:
    head = f"<ResponseHeader><SeriesInstanceUid>{series.series_uid}</SeriesInstanceUid></ResponseHeader>"
    body = "".join(f"<readingSession>{session}</readingSession>" for session in sessions)
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'<?xml version="1.0"?><LidcReadMessage xmlns="http://www.nih.gov">{head}{body}</LidcReadMessage>', "utf-8"
    )
    return path


def four_readings(series: Series) -> list[str]:
    """Of one nodule by three, a hole in the first; the last saw a small nodule and a non-nodule."""
    moved = [(x + 1, y + 1) for x, y in SQUARE]
    far = nodule("9", (place(series, 4), True, SQUARE))
    other = f"<nonNodule><nonNoduleID>3</nonNoduleID>{place(series, 3)}{points([(5, 7)], 'locus')}</nonNodule>"
    return [
        nodule("1", (place(series, 1), True, SQUARE), (place(series, 1), False, HOLE)),
        nodule("a", (place(series, 1, uid=False), True, moved), (place(series, 2), True, SQUARE)) + far,
        nodule("x", (place(series, 2), True, HOLE)),
        nodule("s", (place(series, 0), True, [(3, 9)])) + other,
    ]


@pytest.mark.file_format("LIDC-IDRI XML", "read", "four readings, holes, points into a table")
def test_four_readings_become_four_annotators(tmp_path: Path, series: Series, capsys: pytest.CaptureFixture) -> None:
    write(tmp_path / "exports/069.xml", series, *four_readings(series))
    (tmp_path / "images/LIDC-IDRI-0001/study").mkdir(parents=True)  # as The Cancer Imaging Archive has them
    (tmp_path / "scans/ct").rename(tmp_path / "images/LIDC-IDRI-0001/study/000001")
    convert(str(tmp_path / "images"), str(tmp_path / "out"), str(tmp_path / "exports"))
    (item,) = read_dataset(tmp_path / "out").items
    assert item["case"] == "LIDC-IDRI-0001"
    assert sorted(item["annotators"]) == [f"annotator{number}" for number in (1, 2, 3, 4)]
    drawn = [np.asarray(nib.load(item["annotators"][f"annotator{n}"]).dataobj) for n in (1, 2, 3, 4)]
    expected = np.zeros((4, *series.shape), int)
    expected[0, 3:8, 3:8, 1] = 1  # the contour itself lies outside
    expected[0, 4:7, 4:7, 1] = 0
    expected[1, 4:9, 4:9, 1] = expected[1, 3:8, 3:8, 2] = expected[1, 3:8, 3:8, 4] = expected[2, 5, 5, 2] = 1
    np.testing.assert_array_equal(drawn, expected)

    with (tmp_path / "out/findings.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["annotator"][-1], row["kind"], row["name"], row["group"], row["voxels"]) for row in rows] == [
        ("1", "nodule", "1", "1", "16"),
        ("2", "nodule", "a", "1", "50"),
        ("2", "nodule", "9", "2", "25"),
        ("3", "nodule", "x", "1", "1"),
        ("4", "small nodule", "s", "", "0"),
        ("4", "non-nodule", "3", "", "0"),
    ]
    assert [float(rows[4][axis]) for axis in "xyz"] == [3, 9, 0] and float(rows[5]["z"]) == 3
    said = capsys.readouterr().out
    assert "findings.csv: 4 × nodule, 1 × small nodule, 1 × non-nodule; findings without voxels are points" in said


@pytest.mark.file_format("LIDC-IDRI XML", "tested against", "matplotlib")
@pytest.mark.parametrize("seed", range(4))
def test_what_contours_surround(tmp_path: Path, series: Series, seed: int) -> None:
    """As Matplotlib has it without the points of the contour, which is how pylidc 0.2.3 makes its masks."""
    angles = np.linspace(0, 2 * np.pi, 30, endpoint=False)
    radii = np.random.default_rng(seed).uniform(3, 5, 2)
    ring = np.rint(np.stack([5.5 + radii[0] * np.cos(angles), 5.5 + radii[1] * np.sin(angles)], 1)).astype(int)
    path = write(
        tmp_path / "a.xml", series, nodule("1", (place(series, 1), True, [tuple(one) for one in ring.tolist()]))
    )
    (found,) = lidc.read(path, {"ct": tmp_path / "scans/ct"})
    grid = np.stack(np.meshgrid(range(SIDE), range(SIDE), indexing="ij"), -1).reshape(-1, 2)
    inside = Outline([*ring, ring[0]], closed=True).contains_points(grid).reshape(SIDE, SIDE)
    inside[tuple(ring.T)] = False
    np.testing.assert_array_equal(found.masks["nodule"][:, :, 1], inside)


@pytest.mark.file_format("LIDC-IDRI XML", "refused", "readings with a contour beyond the image or of no slice")
def test_a_reading_that_cannot_be_read_leaves_the_others(tmp_path: Path, series: Series) -> None:
    """A label without the nodule would be wrong."""
    good = nodule("1", (place(series, 1), True, SQUARE))
    for bad, match in (
        (nodule("2", (place(series, 1, uid=False, z=31.5), True, SQUARE)), "a slice at z = 31.5 mm in the series"),
        (nodule("2", (place(series, 1, z=30.5), True, SQUARE)), r"at z = 30\.5 mm, got 33 mm in its series"),
        (nodule("2", (place(series, 1), True, [(2, 2), (40, 2), (5, 5)])), r"within \(12, 12\) pixels"),
        (nodule("2", (place(series, 1), True, [(2, -2), (5, 5)])), r"whole numbers from 0, got \('2', '-2'\)"),
        (nodule("2", (place(series, 1), True, SQUARE)).replace("TRUE", ""), "of TRUE or FALSE, got nothing"),
        ("<unblindedReadNodule/>", r"expected regions \(roi\), got none"),
        ("<nonNodule/>", r"expected points \(locus\) of whole numbers from 0, got none"),
    ):
        path = write(tmp_path / "a.xml", series, bad, good)
        reading = lidc.read(path, {"ct": tmp_path / "scans/ct"})
        assert next(reading).annotator == "annotator2"
        with pytest.raises(InputError, match=rf"a\.xml, ct, annotator1: .*{match}"):
            next(reading)


@pytest.mark.file_format("LIDC-IDRI XML", "refused", "images that are no DICOM series, readings of radiographs")
def test_what_is_refused(tmp_path: Path, series: Series) -> None:
    path = write(tmp_path / "a.xml", series)
    with pytest.raises(InputError, match="expected reading sessions, got none"):
        next(lidc.read(path, {"ct": tmp_path / "scans/ct"}))
    nib.save(nib.Nifti1Image(np.zeros(series.shape, np.uint8), series.affine), tmp_path / "a.nii")
    with pytest.raises(InputError, match="expected the folder of the DICOM series"):
        next(lidc.read(path, {"a": tmp_path / "a.nii"}))
    path.write_text(path.read_text("utf-8").replace("LidcReadMessage", "IdriReadMessage"), "utf-8")
    assert not lidc.recognize(path)
    with pytest.raises(InputError, match="expected LidcReadMessage, LIDC's readings of CT, got IdriReadMessage"):
        next(lidc.read(path, {"a": tmp_path / "scans/ct"}))
