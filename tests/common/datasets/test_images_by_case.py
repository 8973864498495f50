"""Names of images in folders as archives distribute them."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.datasets.images_by_case import images_by_case
from common.errors import InputError


@pytest.fixture(autouse=True)
def series(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a file .dcm is a series, whatever the file holds."""
    monkeypatch.setattr("common.datasets.images_by_case.is_series", lambda place: any(Path(place).glob("*.dcm")))


@pytest.mark.parametrize(
    ("folders", "names"),
    [
        (["P1/study/ct"], ["P1"]),
        (["P1/ct", "P2/ct"], ["P1", "P2"]),
        (["study/P1/ct", "study/P2/ct"], ["study_P1", "study_P2"]),
        (["P1/a", "P1/b"], ["P1_a", "P1_b"]),
        (
            [f"LIDC/LIDC-000{patient}/{study}/ct" for patient, study in ((1, "01-01"), (1, "01-02"), (3, "01-01"))],
            ["LIDC_LIDC-0001_01-01", "LIDC_LIDC-0001_01-02", "LIDC_LIDC-0003"],
        ),
        (["P1/ct", "P1/ct/more"], ["P1", "P1_more"]),
    ],
)
def test_every_series_has_a_name_with_its_patient(folders: list[str], names: list[str], tmp_path: Path) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "1.dcm").touch()
    assert images_by_case(tmp_path) == {name: tmp_path / place for name, place in zip(names, folders, strict=True)}


def test_two_series_of_one_name_are_refused(tmp_path: Path) -> None:
    for folder in ("P/a_b/c", "P/a/b_c", "P/a/d"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.dcm").touch()
    (tmp_path / "P/a_b/d").mkdir()
    (tmp_path / "P/a_b/d/1.dcm").touch()
    with pytest.raises(InputError, match="expected a name for each image, got 3 for 4 images"):
        images_by_case(tmp_path)
