"""Annotators whose label files have other values, or colors, for the same classes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from monai.transforms import Compose
from PIL import Image

from common.checking import check_cases
from common.datasets import read_dataset, reading, split_dataset
from common.datasets.dataset import Dataset
from common.errors import InputError
from common.fuse import fuse
from common.io.annotator_meanings import infer_annotator_meanings
from common.io.files import read_csv
from common.io.label_meaning import LabelObservation
from common.workflow import KeepPlan, load_plan, plan_of

VALUES = {"rv": 1, "myo": 2, "lv": 3}
OF_CHRIS = {"lv": 1, "rv": 2, "myo": 3}  # another order, too
COLORS = {"myo": "#00ff00", "rv": "#ff0000", "lv": "#0000ff"}
GIVEN = {**VALUES, "chris": OF_CHRIS}


def drawn(case: int, shift: int) -> np.ndarray:
    """A map of the classes 0 to 3, each a bar."""
    label = np.zeros((16, 12), np.uint8)
    for index in (1, 2, 3):
        label[4 * index + shift - 2 : 4 * index + shift, 2 : 6 + case % 4] = index
    return label


def write(folder: Path, classes: dict[str, Any], cases: range = range(8)) -> Dataset:
    """Anna has the numbers of the classes, chris those of ``classes``, and left out every fourth case."""
    names = ["background", *VALUES]
    table = {name: classes.get(name, 0) for name in names}
    colored = isinstance(table["lv"], str)
    for case in cases:
        image = np.full((16, 12), 50 + case, np.uint8)
        image[3:13] += drawn(case, 0)[3:13] * 40
        save(folder / f"images/{case}.png", image)
        save(folder / f"anna/{case}.png", drawn(case, 0))
        if case % 4 == 0:
            continue
        label = drawn(case, 1)
        if colored:
            codes = np.array([[0, 0, 0], *(list(bytes.fromhex(table[name][1:])) for name in names[1:])], np.uint8)
            save(folder / f"chris/{case}.png", codes[label])
        else:
            save(folder / f"chris/{case}.png", np.array([table[name] for name in names], np.uint8)[label])
    return read_dataset(folder)


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def keep(folder: Path, dataset: Dataset, **options: Any) -> None:
    split = split_dataset(dataset)
    KeepPlan(folder, plan_of(dataset, split.training, folder, **options), split).write(SimpleNamespace())


@pytest.mark.parametrize(
    ("classes", "given", "said"),
    [
        (OF_CHRIS, {"class_values": GIVEN}, "Annotator chris: rv is 2, myo is 3, lv is 1 (class_values)."),
        (
            {**OF_CHRIS, "background": 9},
            {"class_values": {**VALUES, "chris": {**OF_CHRIS, "background": 9}}},
            "Annotator chris: background is 9, rv is 2, myo is 3, lv is 1 (class_values).",
        ),
        (
            OF_CHRIS,
            {"class_values": {"anna": VALUES, "chris": OF_CHRIS}},
            "Annotator chris: rv is 2, myo is 3, lv is 1 (class_values).",
        ),
        (
            COLORS,
            {"class_values": VALUES, "class_colors": {"chris": COLORS}},
            "Annotator chris: rv is #ff0000, myo is #00ff00, lv is #0000ff (class_colors).",
        ),
    ],
    ids=["values", "background", "every annotator", "colors"],
)
def test_labels_are_read_as_if_all_had_the_same_values(tmp_path: Path, classes, given, said) -> None:
    """By training, checking and evaluation, which all read by the plan; a fold or a resumed training has the same."""
    usual = write(tmp_path / "usual", {"background": 0, **VALUES})
    other = write(tmp_path / "other", classes)
    keep(tmp_path / "usual/model", usual, class_values=VALUES)
    keep(tmp_path / "other/model", other, **given)
    plan = load_plan(tmp_path / "other/model")
    assert plan.class_names == ("background", "rv", "myo", "lv") and plan.notes.count(said) == 1
    assert plan_of(other, [], tmp_path / "other/model", resume=True, **given) == plan
    assert plan_of(other, [], tmp_path / "other/model", trained=True, **given) == plan
    assert plan_of(other, [], tmp_path / "other/model", trained=True) == plan, "it is kept"
    ways = [Compose(reading(load_plan(tmp_path / name / "model"))) for name in ("usual", "other")]
    for one, two in zip(usual.items, other.items, strict=True):
        torch.testing.assert_close(ways[0](dict(one))["annotators"], ways[1](dict(two))["annotators"])
    check_cases({"training": other.items}, {}, tmp_path / "other", plan)
    rows = read_csv(tmp_path / "other/checking/cases.csv")
    assert rows[1]["anna_lv_pixels"] == rows[1]["chris_lv_pixels"] == "10.0"


def test_the_data_set_may_name_the_values_of_the_others(tmp_path: Path) -> None:
    """Whose names are then no contradiction to the values of the one who has others."""
    named = replace(write(tmp_path, OF_CHRIS), class_names={0: "background", 1: "rv", 2: "myo", 3: "lv"})
    keep(tmp_path / "model", named, class_values={"chris": OF_CHRIS})
    plan = load_plan(tmp_path / "model")
    assert plan.class_names == ("background", *VALUES)
    assert plan.labels["chris"]["values"] == {"0": 0, "2": 1, "3": 2, "1": 3}
    assert plan_of(named, [], tmp_path / "model", trained=True) == plan
    wrong = replace(named, class_names={1: "lv", 2: "myo", 3: "rv"})
    with pytest.raises(InputError, match="calls the label value 3 rv, which is lv in the training"):
        plan_of(wrong, [], tmp_path / "model", trained=True)


def test_who_labeled_no_training_case_is_read_by_their_own_values(tmp_path: Path) -> None:
    dataset = write(tmp_path, OF_CHRIS)
    plan = plan_of(
        dataset, [item for item in dataset.items if len(item["annotators"]) == 1], tmp_path, class_values=GIVEN
    )
    assert plan.labels["chris"]["values"]["1"] == 3 and plan.labels["anna"]["values"]["1"] == 1


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            {**VALUES, "dave": OF_CHRIS},
            r"class_values: expected the names of classes, or of annotators with a mapping each \(anna, chris\), but "
            "there is no dave",
        ),
        (
            {**VALUES, "chris": {"lv": 1, "rv": 2}},
            "class_values of chris: expected the values of rv, myo, lv, and of background where it is not 0, got those "
            "of lv, rv",
        ),
        (
            {**VALUES, "chris": {**OF_CHRIS, "aorta": 4}},
            "class_values of chris: expected the values of rv, .*, got those of lv, rv, myo, aorta",
        ),
        (
            {**VALUES, "chris": {"lv": 1, "rv": 2, "myo": 2}},
            "class_values of chris: class rv: expected a value that no other class has|class_values of chris: class "
            "myo: expected a value that no other class has, got 2",
        ),
        ({**VALUES, "chris": {**OF_CHRIS, "lv": "one"}}, "class_values of chris: expected whole numbers, got 'one'"),
        (
            {"chris": OF_CHRIS},
            "class_values: expected those of anna, too, under the name of each or, for all of them, under the names of "
            "the classes, got those of chris alone",
        ),
        ({**VALUES, "chris": {**OF_CHRIS, "lv": 4}}, r"chris/\d.png: expected the values .*, got 1"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path: Path, given, sentence) -> None:
    dataset = write(tmp_path, OF_CHRIS)
    with pytest.raises(InputError, match=sentence) as refused:
        plan_of(dataset, dataset.items, tmp_path, class_values=given)
    assert "\n" not in str(refused.value)


def test_what_an_annotator_draws_with_the_value_of_what_is_not_labeled_is_not_left_out(tmp_path: Path) -> None:
    dataset = write(tmp_path, {**OF_CHRIS, "lv": 255})
    given = {**VALUES, "chris": {**OF_CHRIS, "lv": 255}}
    with pytest.raises(InputError, match="class_values of chris: expected no class with 255, which ignore_value says"):
        plan_of(dataset, dataset.items, tmp_path, class_values=given, ignore_value=255)
    assert plan_of(dataset, dataset.items, tmp_path, class_values=given).labels["chris"]["values"]["255"] == 3


@pytest.mark.parametrize("how", [{"trained": True}, {"resume": True}])
def test_other_values_than_those_of_the_training_are_refused(tmp_path: Path, how) -> None:
    dataset = write(tmp_path / "data", OF_CHRIS)
    keep(tmp_path, dataset, class_values=GIVEN)
    reordered = {"chris": OF_CHRIS, "lv": 3, "background": 0, "rv": 1, "myo": 2}
    assert plan_of(dataset, [], tmp_path, **how, class_values=reordered) == load_plan(tmp_path)
    for given, sentence in (
        (VALUES, r'class_values of chris: the network was trained with \{.*"1": 3.*\}, got \{.*"1": 1'),
        ({**VALUES, "chris": {"rv": 1, "myo": 3, "lv": 2}}, "class_values of chris: the network was trained with"),
        ({**VALUES, "dave": OF_CHRIS}, r'annotators in class_values: the network was trained with \["anna", "chris"\]'),
    ):
        with pytest.raises(InputError, match=sentence):
            plan_of(dataset, [], tmp_path, **how, class_values=given)


def test_a_ground_truth_has_the_values_of_the_classes(tmp_path: Path) -> None:
    for case in range(8):
        save(tmp_path / f"truth/{case}.png", drawn(case, 0))
    dataset = write(tmp_path, OF_CHRIS)
    assert all("label" in item for item in dataset.items)
    plan = plan_of(dataset, dataset.items, tmp_path, class_values=GIVEN)
    assert plan.labels[""] == plan.labels["anna"] != plan.labels["chris"]
    with pytest.raises(InputError, match="class_values: expected those of the ground truth, too"):
        plan_of(dataset, dataset.items, tmp_path, class_values={"anna": VALUES, "chris": OF_CHRIS})


@pytest.mark.parametrize(("sole", "of_others"), [("truth", "anna"), ("anna", "truth")])
def test_a_ground_truth_has_the_values_of_the_annotators(tmp_path: Path, sole: str, of_others: str) -> None:
    """A class that is alone in all files of the one, as a lesion of the cases that were looked at again, is not 1."""
    for case in range(4):
        save(tmp_path / f"images/{case}.png", drawn(case, 0) * 40)
        save(tmp_path / f"{of_others}/{case}.png", drawn(case, 0))
        save(tmp_path / f"{sole}/{case}.png", np.where(drawn(case, 0) == 2, 2, 0).astype(np.uint8))
    dataset = read_dataset(tmp_path)
    plan = plan_of(dataset, dataset.items, tmp_path)
    assert plan.labels[""] == plan.labels["anna"] and plan.labels[""]["values"]["2"] == 2
    for case in range(4):
        save(tmp_path / f"{sole}/{case}.png", np.where(drawn(case, 0) == 2, 255, 0).astype(np.uint8))
    with pytest.raises(InputError, match="give --ignore_value 255, or --class_values"):
        plan_of(dataset, dataset.items, tmp_path)


def test_masks_of_a_ground_truth_and_of_an_annotator_have_values_of_their_own(tmp_path: Path) -> None:
    for case in range(4):
        mask = (drawn(case, 0) > 0).astype(np.uint8)
        for name, value in (("images", 90), ("anna", 1), ("truth", 255)):
            save(tmp_path / f"{name}/{case}.png", mask * value)
    dataset = read_dataset(tmp_path)
    plan = plan_of(dataset, dataset.items, tmp_path)
    assert plan.labels["anna"]["values"] == {"0": 0, "1": 1} and plan.labels[""]["values"] == {"0": 0, "255": 1}
    assert "Annotator anna: labels are masks: 0 is background, 1 is foreground." in plan.notes
    assert "Labels are masks: 0 is background, 255 is foreground." in plan.notes


def test_a_label_of_nobody_has_no_annotator(tmp_path: Path) -> None:
    for case in range(6):
        save(tmp_path / f"images/{case}.png", drawn(case, 0))
        save(tmp_path / f"labels/{case}.png", drawn(case, 0))
    dataset = read_dataset(tmp_path)
    with pytest.raises(InputError, match=r"annotators with a mapping each \(there are none\), but there is no chris"):
        plan_of(dataset, dataset.items, tmp_path, class_values=GIVEN)


@pytest.mark.parametrize("labels", ["folders", "data set"])
def test_a_fusion_has_the_values_of_the_classes(tmp_path: Path, labels: str) -> None:
    """Also where the first annotator is the one with others."""
    for name, values in (("usual", {"background": 0, **VALUES}), ("other", OF_CHRIS)):
        write(tmp_path / name, values)
        given = GIVEN if name == "other" else VALUES
        data = tmp_path / name
        where: dict[str, Any] = {"dataset_dir": str(data)}
        if labels == "folders":
            where = {"labels": [str(data / "chris"), str(data / "anna")]}
        fuse(**where, output=str(tmp_path / f"{name}_fused"), method="majority", class_values=given)
    for case in range(8):
        one, two = (tmp_path / f"{name}_fused/labels/{case}.png" for name in ("usual", "other"))
        np.testing.assert_array_equal(np.asarray(Image.open(one)), np.asarray(Image.open(two)))
    rows = [read_csv(tmp_path / f"{name}_fused/annotators.csv") for name in ("usual", "other")]
    assert rows[0] == rows[1] and {row["says"] for row in rows[1]} == {"background", *VALUES}


def test_a_threshold_of_an_annotator_is_said_of_them() -> None:
    seen = {
        name: [LabelObservation(f"{name}.png", "gray", {0: 9, low: 2, high: 3}, (5, 2))]
        for name, low, high in (("anna", 130, 200), ("chris", 90, 100))
    }
    classes = {"lesion": 255, "chris": {"lesion": 100}}
    meanings, notes = infer_annotator_meanings(seen, class_values=classes, label_threshold=80)
    assert meanings["chris"].threshold == 80
    assert notes[-1] == "Annotator chris: gray masks: values above 80 are foreground, as label_threshold says."
