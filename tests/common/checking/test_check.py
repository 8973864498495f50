"""Which cases are tried in the preprocessing, and what `check_cases` leaves behind."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import Compose, Lambdad, RandFlipd

from common.checking import check_cases
from common.checking.check import rehearse
from common.checking.collect import CaseFiles
from common.checking.examine import CaseRecord
from common.errors import InputError
from common.io.checks import Finding
from common.io.files import read_csv


@pytest.fixture
def sections(tmp_path: Path) -> dict[str, list[dict[str, str]]]:
    generator = np.random.default_rng(0)
    items = []
    for name in "abcd":
        values = generator.integers(0, 200, (6, 5, 3)).astype(np.int16)
        label = np.zeros_like(values) if name == "c" else values > 100
        for key, array in (("image", values), ("label", label)):
            nib.save(nib.Nifti1Image(array.astype(np.int16), np.eye(4)), tmp_path / f"{name}_{key}.nii")
        items.append({"image": f"{tmp_path}/{name}_image.nii", "label": f"{tmp_path}/{name}_label.nii", "case": name})
    return {"training": items[:3], "validation": items[3:]}


def refuse(message: str) -> Compose:
    def fail(path: str) -> None:
        raise InputError(message.format(path=path))

    return Compose([Lambdad("label", fail)])


def test_the_suspicious_and_the_first_of_each_section_are_tried():
    tried = []
    chain = Compose([Lambdad("image", tried.append), RandFlipd("image", prob=1.0)])  # the flip would fail on a path
    findings = {
        "b": [Finding("empty label", "")],
        "d": [Finding("not finite", "", True)],
        "e": [Finding("duplicate", "")],
    }
    names = ["a", "b", "c", "d", "e"]
    records = [
        CaseRecord(CaseFiles("training", name, (name,), items=[{"image": name}]), findings=findings.get(name, []))
        for name in names
    ]
    records.append(CaseRecord(CaseFiles("test", "f", ("f",), items=[{"image": "f"}])))
    rehearse(records, {"training": chain})
    assert tried == ["a", "b"]


def test_warnings_do_not_stop(sections, tmp_path, capsys):
    page = check_cases(sections, {"training": Compose([])}, tmp_path / "out", classes=(0, 1))
    assert page == tmp_path / "out/checking/checking.html" and page.is_file()
    assert "4 cases checked, 1 worth a look" in capsys.readouterr().out
    rows = read_csv(page.parent / "cases.csv")
    assert [(row["case"], row["section"], row["findings"]) for row in rows] == [
        ("a", "training", ""),
        ("b", "training", ""),
        ("c", "training", "empty label"),
        ("d", "validation", ""),
    ]
    assert rows[2]["label_1_mm3"] == "0.0" and rows[0]["shape"] == "6x5x3"
    (row,) = read_csv(page.parent / "findings.csv")
    assert (row["finding"], row["usable"]) == ("empty label", "yes") and row["file"].endswith("c_label.nii")


def test_what_training_refuses_is_one_sentence(sections, tmp_path):
    chains = {"training": refuse("Case a: {path}: it is no use"), "validation": Compose([])}
    with pytest.raises(InputError, match=r"^2 of 4 cases cannot be used, see .*html; the first is a \(training\): "):
        check_cases(sections, chains, tmp_path / "out", classes=(0, 1))
    rows = read_csv(tmp_path / "out/checking/findings.csv")
    refused = [row for row in rows if row["finding"] == "refused"]
    assert [(row["case"], Path(row["file"]).name) for row in refused] == [("a", "a_label.nii"), ("c", "")]
    assert refused[0]["message"] == "it is no use"


def test_processes_read_the_same(sections, tmp_path):
    tables = []
    for workers in (0, 2):
        check_cases(sections, {}, tmp_path / str(workers), classes=(0, 1), num_workers=workers)
        tables.append((tmp_path / str(workers) / "checking/cases.csv").read_text())
    assert tables[0] == tables[1]


def test_no_cases_are_no_fault(tmp_path):
    assert check_cases({"training": []}, {}, tmp_path).is_file()
