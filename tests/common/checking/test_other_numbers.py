"""Annotators who use other numbers for the same classes are found; every finding of a check is described."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.checking import check_cases
from common.checking.check import COMPARED
from common.checking.collect import CaseFiles
from common.checking.examine import CaseRecord, examine_case
from common.checking.other_numbers import find_other_numbers
from common.datasets.plan import Plan, example_plan
from common.io.files import read_csv

ROOT = Path(__file__).parents[3]
NUMBERS = (0, 1, 2, 3)
OF_CHRIS = (0, 2, 3, 1)  # for the classes 0 to 3


def plan(**changes: Any) -> Plan:
    labels = {"": {"values": {str(value): value for value in NUMBERS}}}
    names = ("background", "class_1", "class_2", "class_3")
    return replace(example_plan(), class_names=names, labels=labels, annotators=("anna", "ben", "chris"), **changes)


def drawn(shift: int, numbers: tuple[int, ...] = NUMBERS) -> np.ndarray:
    """Three bars, 4 pixels wide."""
    label = np.zeros((18, 8), np.uint8)
    for index in (1, 2, 3):
        label[5 * index - 4 + shift : 5 * index + shift, 1:7] = index
    return np.array(numbers, np.uint8)[label]


def examine(folder: Path, case: str, labels: dict[str, np.ndarray], of: Plan) -> CaseRecord:
    files = {name: str(folder / f"{case}_{name}.png") for name in ("image", *labels)}
    for name, values in {"image": drawn(0) * 40, **labels}.items():
        Image.fromarray(values).save(files[name])
    image = files.pop("image")
    items = [{"case": case, "image": image, "annotators": files}]
    return examine_case(CaseFiles("training", case, (image,), annotators=files, items=items), of)


def found(records: list[CaseRecord], of: Plan) -> dict[str, list[str]]:
    find_other_numbers(records, of)
    return {
        record.case.name: messages
        for record in records
        if (messages := [one.message for one in record.findings if one.kind == "other numbers"])
    }


def test_exchanged_numbers_are_named_once(tmp_path: Path) -> None:
    """At the first case that both labeled; of three annotators the one who differs from both others."""
    of = plan()
    records = [
        examine(tmp_path, "a", {"anna": drawn(0), "ben": drawn(1)}, of),
        examine(tmp_path, "b", {"anna": drawn(0), "ben": drawn(1), "chris": drawn(0, OF_CHRIS)}, of),
        examine(tmp_path, "c", {"anna": drawn(1), "chris": drawn(0, OF_CHRIS)}, of),
    ]
    assert found(records, of) == {
        "b": [
            "chris seems to use other numbers than anna: in 2 cases that both labeled, chris's 1 lies where anna has 3 "
            "(Dice 0.88), 2 lies where anna has 1 (Dice 0.88), 3 lies where anna has 2 (Dice 0.88), and so for ben; if "
            "so, give class_values with a mapping for chris (docs/data_sets.md#annotators-whose-numbers-differ)"
        ]
    }
    (finding,) = (one for one in records[1].findings if one.kind == "other numbers")
    assert finding.file.endswith("b_chris.png") and not finding.unusable


def test_two_of_three_numbers_suffice_and_names_are_shown(tmp_path: Path) -> None:
    """Where one class has the same number, the annotators agree somewhere, and nothing else would be found."""
    named = replace(plan(), class_names=("background", "rv", "myo", "lv"))
    record = examine(tmp_path, "a", {"anna": drawn(0), "chris": drawn(0, (0, 3, 2, 1))}, named)
    assert record.findings == []
    (message,) = found([record], named)["a"]
    assert "chris's 1 (rv) lies where anna has 3 (lv) (Dice 1.00), 3 (lv) lies where anna has 1 (rv) (Dice" in message
    assert "in 1 case that both labeled" in message and "2 (myo)" not in message


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"anna": drawn(0), "chris": drawn(1)}, "they agree"),
        ({"anna": drawn(0), "chris": drawn(3)}, "they agree little, but in no other numbers more"),
        ({"anna": drawn(0)}, "one annotator"),
        ({"anna": drawn(0), "chris": np.minimum(drawn(0), 1)}, "all is class 1, which so has a Dice of 1/2 with each"),
        ({"anna": drawn(0, (0, 2, 3, 0)), "chris": drawn(0, (0, 1, 1, 0))}, "2 and 3 lie in 1, a Dice of 2/3 each"),
        ({"anna": drawn(0, (0, 1, 0, 0)), "chris": drawn(0, (0, 2, 0, 0))}, "of one lesion they may think otherwise"),
        ({"anna": drawn(0), "chris": drawn(0, (0, 0, 0, 0))}, "one drew nothing"),
    ],
)
def test_annotators_who_only_disagree_are_no_finding(tmp_path: Path, labels: dict[str, np.ndarray], why: str) -> None:
    assert found([examine(tmp_path, "a", labels, plan())], plan()) == {}, why


def test_given_numbers_are_no_finding_and_the_page_says_others(tmp_path: Path) -> None:
    of = plan()
    record = examine(tmp_path, "a", {"anna": drawn(0), "chris": drawn(0, OF_CHRIS)}, of)
    page = check_cases({"training": record.case.items}, {}, tmp_path, of)
    assert "2 lies where anna has 1 (Dice 1.00)" in page.read_text(encoding="utf-8")
    assert "other numbers" in {row["finding"] for row in read_csv(page.parent / "findings.csv")}
    own = {**of.labels, "chris": {"values": {"0": 0, "2": 1, "3": 2, "1": 3}}}
    check_cases({"training": record.case.items}, {}, tmp_path, replace(of, labels=own))
    assert read_csv(page.parent / "findings.csv") == []
    assert (page.parent / "findings.csv").read_text().startswith("section,case,finding,")
    assert (page.parent / "left_out.csv").read_text().startswith("file,reason")


def test_every_finding_is_described() -> None:
    """The kinds in the modules that make them are rows of the table in the documentation."""
    rows = re.findall(
        r"^\| ([a-z ,]+) \| .*\| (?:fails|runs) \|$", (ROOT / "docs/checking.md").read_text(), re.MULTILINE
    )
    described = {kind for row in rows for kind in row.split(", ")}
    modules = [
        *(ROOT / "common/checking").glob("*.py"),
        ROOT / "common/io/checks.py",
        ROOT / "common/io/orientation.py",
    ]
    made = {kind for path in modules for kind in re.findall(r'\bFinding\(\s*"([^"]+)"', path.read_text())}
    assert len(made) > 8
    assert (made | set(COMPARED) | {"label values", "unreadable"}) <= described
