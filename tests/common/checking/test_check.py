"""Which cases are tried in the preprocessing, and what `check_cases` leaves behind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import Compose, Lambdad, RandFlipd

from common.checking import check_cases
from common.checking.check import try_preprocessing
from common.checking.collect import CaseFiles
from common.checking.examine import CaseRecord, LabelRecord
from common.checking.rare_values import find_absent_classes, find_rare_values
from common.datasets.dataset import Dataset
from common.datasets.fingerprint import take_fingerprint
from common.datasets.plan import example_plan
from common.datasets.plan_classes import default_class_names
from common.datasets.plan_rules import make_plan
from common.errors import InputError
from common.io.checks import Finding
from common.io.files import read_csv

PLAN = replace(example_plan(), labels={"": {"values": {"0": 0, "1": 1}}})


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
    try_preprocessing(records, {"training": chain})
    assert tried == ["a", "b"]


def test_warnings_do_not_stop(sections, tmp_path, capsys):
    page = check_cases(sections, {"training": Compose([])}, tmp_path / "out", PLAN)
    assert page == tmp_path / "out/checking/checking.html" and page.is_file()
    assert "4 cases checked, 1 worth a look" in capsys.readouterr().out
    rows = read_csv(page.parent / "cases.csv")
    assert [(row["case"], row["section"], row["findings"]) for row in rows] == [
        ("a", "training", ""),
        ("b", "training", ""),
        ("c", "training", "empty label"),
        ("d", "validation", ""),
    ]
    assert rows[2]["label_foreground_mm3"] == "0.0" and rows[0]["shape"] == "6x5x3"
    (row,) = read_csv(page.parent / "findings.csv")
    assert (row["finding"], row["usable"]) == ("empty label", "yes") and row["file"].endswith("c_label.nii")


def test_what_is_left_out_is_listed(sections, tmp_path, capsys):
    """A slip in the name of a label costs a case, which nothing else on the page would show."""
    left_out = [(f"images/x{number}.nii", "there is no label of its name") for number in range(10)]
    page = check_cases(sections, {}, tmp_path, PLAN, left_out=left_out)
    assert "none that cannot be used, 10 files or folders left out: " in capsys.readouterr().out
    assert [tuple(row.values()) for row in read_csv(page.parent / "left_out.csv")] == left_out
    text = page.read_text(encoding="utf-8")
    assert "Files or folders that are left out: 10." in text and "What is left out" in text
    assert "images/x0.nii" in text and "images/x9.nii" not in text and "and 2 more in <code>left_out.csv" in text


def test_what_is_left_out_has_one_heading_for_each_reason(sections, tmp_path):
    left_out = [("a", "12 files: DICOM is not trained on"), ("b", "30 files: DICOM is not trained on"), ("c", "other")]
    text = check_cases(sections, {}, tmp_path, PLAN, left_out=left_out).read_text(encoding="utf-8")
    assert text.count("DICOM is not trained on") == 1 and "12 files in a" in text and "30 files in b" in text


def test_what_training_refuses_is_one_sentence(sections, tmp_path):
    chains = {"training": refuse("Case a: {path}: it is no use"), "validation": Compose([])}
    with pytest.raises(InputError, match=r"^2 of 4 cases cannot be used, see .*html; the first is a \(training\): "):
        check_cases(sections, chains, tmp_path / "out", PLAN)
    rows = read_csv(tmp_path / "out/checking/findings.csv")
    refused = [row for row in rows if row["finding"] == "refused"]
    assert [(row["case"], Path(row["file"]).name) for row in refused] == [("a", "a_label.nii"), ("c", "")]
    assert refused[0]["message"] == "it is no use"


def test_processes_read_the_same(sections, tmp_path):
    tables = []
    for workers in (0, 2):
        check_cases(sections, {}, tmp_path / str(workers), PLAN, num_workers=workers)
        tables.append((tmp_path / str(workers) / "checking/cases.csv").read_text())
    assert tables[0] == tables[1]


def add_stray_value(items: list[dict[str, str]], value: int) -> None:
    label = nib.load(items[1]["label"])
    values = np.asarray(label.dataobj).copy()
    values[0, 0, 0] = value
    nib.save(nib.Nifti1Image(values, label.affine), items[1]["label"])


def test_a_value_of_one_voxel_in_one_case_is_worth_a_look(sections, tmp_path, capsys):
    """As `training` would: the plan is made from the files, of which one has a voxel of 7."""
    items = [*sections["training"], *sections["validation"]]
    add_stray_value(items, 7)
    dataset = Dataset("plain", tmp_path, tuple(items))
    plan = make_plan(dataset, take_fingerprint(items))
    assert plan.class_names == ("background", "class_1", "class_2"), "the stray value is a class"
    check_cases(sections, {}, tmp_path / "out", plan)
    assert "4 cases checked, 2 worth a look" in capsys.readouterr().out
    (row,) = (row for row in read_csv(tmp_path / "out/checking/findings.csv") if row["finding"] == "rare value")
    assert (row["case"], row["usable"], row["file"]) == ("b", "yes", items[1]["label"])
    assert row["message"].startswith("1 voxel of the value 7, which was taken as the class class_2, since nothing says")
    assert "1 of 4 cases have this value, 1 voxel in all" in row["message"]

    named = make_plan(dataset, take_fingerprint(items), class_values={"background": 0, "organ": 1, "vessel": 7})
    check_cases(sections, {}, tmp_path / "named", named)
    assert "rare value" not in (tmp_path / "named/checking/findings.csv").read_text()


@pytest.mark.parametrize(
    ("holders", "size", "rare"), [(1, 900, True), (2, 900, True), (3, 900, False), (40, 1, True), (40, 2, False)]
)
def test_a_value_is_rare_in_few_cases_or_few_voxels(holders: int, size: int, rare: bool) -> None:
    """Of 40 cases with 1000 voxels of class 1 each, 5 % are 2 cases, and a thousandth is 40 voxels."""
    records = [
        CaseRecord(
            CaseFiles("training", str(k), ("a",), {"label": f"{k}.nii"}),
            labels={"label": LabelRecord({1: 1000, 2: size if k < holders else 0}, 5000)},
        )
        for k in range(40)
    ]
    plan = replace(PLAN, class_names=default_class_names(3), labels={"": {"values": {"0": 0, "50": 1, "9": 2}}})
    find_rare_values(records, plan)
    found = [finding for record in records for finding in record.findings]
    assert len(found) == (holders if rare else 0)
    assert all("of the value 9" in finding.message and finding.file == f"{k}.nii" for k, finding in enumerate(found))


def test_a_class_that_no_training_label_has_is_worth_a_look() -> None:
    sizes = [("training", {1: 9, 2: 0}), ("training", {1: 0, 2: 0}), ("validation", {1: 9, 2: 9})]
    records = [
        CaseRecord(CaseFiles(section, str(k), ("a",), {"label": "a.nii"}), labels={"label": LabelRecord(drawn, 99)})
        for k, (section, drawn) in enumerate(sizes)
    ]
    plan = replace(PLAN, class_names=("background", "lung", "haert"))
    find_absent_classes(records, plan)
    ((finding,), *others) = (record.findings for record in records)
    assert (finding.kind, finding.unusable, others) == ("absent class", False, [[], []])
    assert finding.message == "no label of the training has haert, class 2, so that it cannot be learned"
    find_absent_classes(unlabeled := [CaseRecord(CaseFiles("training", "a", ("a",)))], plan)
    assert not unlabeled[0].findings, "what nobody labeled says nothing"
    records[0].findings[:] = [Finding("unreadable", "cut short", True, "a.nii")]
    find_absent_classes(records, plan)
    assert len(records[0].findings) == 1, "the file that cannot be read may have it"


def test_no_cases_are_no_fault(tmp_path):
    assert check_cases({"training": []}, {}, tmp_path, PLAN).is_file()
