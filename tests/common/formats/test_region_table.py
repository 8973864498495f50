"""Annotators' rectangles become labels of any structure, each annotator's own."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from common.convert import convert
from common.datasets import read_dataset
from common.errors import InputError
from common.formats.region_table import recognize
from common.io.regions import Region, write_regions

SHAPE = (6, 5, 3)
AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    (tmp_path / "scans").mkdir()
    for case in ("k1", "k2"):
        nib.save(nib.Nifti1Image(np.ones(SHAPE, np.float32), AFFINE), tmp_path / f"scans/{case}.nii.gz")
    return tmp_path / "scans"


@pytest.mark.file_format("table of regions", "read", "rectangles of several annotators and structures")
def test_rectangles_become_the_labels_of_their_annotators(scans: Path, tmp_path: Path) -> None:
    """Who marked nothing has an empty label, who is not there has none; the order of structures is that of names."""
    table = tmp_path / "regions.csv"
    regions = [
        Region("k1", "anna", 1, "cyst", 1, 0, 3, 2),
        Region("k1", "anna", 2, "tumor", 0, 0, 6, 5),
        Region("k1", "ben"),
        Region("k2", "ben", 0, "cyst", 5, 4, 6, 5),
    ]
    write_regions(table, regions)
    convert(str(scans), str(tmp_path / "out"), str(table))
    found = {item["case"]: item["annotators"] for item in read_dataset(tmp_path / "out").items}
    assert {case: sorted(by) for case, by in found.items()} == {"k1": ["anna", "ben"], "k2": ["ben"]}
    anna = nib.Nifti1Image.from_filename(found["k1"]["anna"])
    expected = np.zeros(SHAPE)
    expected[1:3, 0:2, 1] = 1
    expected[:, :, 2] = 2
    np.testing.assert_array_equal(np.asarray(anna.dataobj), expected)
    np.testing.assert_array_equal(anna.affine, AFFINE)
    assert not np.asarray(nib.Nifti1Image.from_filename(found["k1"]["ben"]).dataobj).any()
    assert np.asarray(nib.Nifti1Image.from_filename(found["k2"]["ben"]).dataobj).sum() == 1


@pytest.mark.file_format("table of regions", "refused", "regions beyond the image or of no image")
def test_what_does_not_fit_is_named_and_the_rest_written(scans: Path, tmp_path: Path) -> None:
    table = tmp_path / "regions.csv"
    write_regions(table, [Region("k1", "anna", 3, "cyst", 0, 0, 1, 1), Region("k2", "anna"), Region("k3", "anna")])
    with pytest.raises(InputError) as caught:
        convert(str(scans), str(tmp_path / "out"), str(table), classes="cyst")
    said = str(caught.value)
    assert "regions.csv, line 2: the region ends outside the image of k1" in said and "slice 3 (from 0)" in said
    assert "line 4: there is no image of the case k3" in said
    assert [path.name for path in (tmp_path / "out/anna").iterdir()] == ["k2.nii.gz"]


def test_only_a_table_of_regions_is_one(tmp_path: Path) -> None:
    (tmp_path / "weights.csv").write_text("case,weight\na,0\n", encoding="utf-8")
    assert not recognize(tmp_path / "weights.csv") and not recognize(tmp_path / "none.csv")
    write_regions(tmp_path / "r.csv", [])
    assert recognize(tmp_path / "r.csv")
