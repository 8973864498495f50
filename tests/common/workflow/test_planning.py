"""The plan and the split beside the weights."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from common.datasets import read_dataset, split_dataset
from common.datasets.plan import example_plan
from common.datasets.split import Split
from common.errors import InputError
from common.workflow import KeepPlan, announce_measured, load_plan, load_split, plan_of, split_of


@pytest.fixture
def dataset(tmp_path: Path):
    for index in range(8):
        for folder, value in (("images", 90 + index), ("masks", 255)):
            (tmp_path / f"data/{folder}").mkdir(parents=True, exist_ok=True)
            array = np.full((12, 10), value, np.uint8)
            array[:4] = 0
            Image.fromarray(array).save(tmp_path / f"data/{folder}/case_{index}.png")
    return read_dataset(tmp_path / "data")


def keep(folder: Path, dataset, **options) -> None:
    split = split_dataset(dataset, **options)
    plan = plan_of(dataset, split.training, folder)
    KeepPlan(folder, plan, split).write(SimpleNamespace())


def test_what_a_training_keeps_is_what_follows_reads(dataset, tmp_path: Path) -> None:
    keep(tmp_path, dataset, fold=1)
    plan = load_plan(tmp_path)
    assert plan.image_size == (10, 12) and plan_of(dataset, [], tmp_path, trained=True) == plan
    assert plan_of(dataset, [], tmp_path, resume=True) == plan
    split = load_split(dataset, tmp_path)
    assert split.validation == split_dataset(dataset, fold=1).validation
    assert split_of(dataset, tmp_path, trained=True, fold=0).validation == split.validation, "as it was trained"


def test_a_training_without_validation_cases_says_so(dataset, tmp_path: Path, caplog) -> None:
    split_of(dataset, tmp_path)
    assert "left for validation" not in caplog.text
    split_of(dataset, tmp_path, fractions=[1, 0, 0])
    assert "No case is left for validation" in caplog.text


def test_cases_without_weight_are_left_out_of_training_alone(dataset, tmp_path: Path, caplog) -> None:
    """Of the plan too; evaluation has the same sections without the table of weights."""
    whole = split_of(dataset, tmp_path)
    out, tested = whole.training[0]["case"], whole.validation[0]["case"]
    (tmp_path / "w.csv").write_text(f"case,weight\n{out},0\n{tested},0\n")
    with caplog.at_level("INFO"):
        split = split_of(dataset, tmp_path, case_weights=tmp_path / "w.csv")
    said = f"w.csv leaves out 1 of {len(whole.training)} training cases"
    assert sum(said in message for message in caplog.messages) == 1
    assert split.training == whole.training[1:] and split.validation == whole.validation
    plan = plan_of(dataset, split.training, tmp_path)
    assert plan.fingerprint["cases"] == len(whole.training) - 1
    KeepPlan(tmp_path, plan, split).write(SimpleNamespace())
    kept = split_of(dataset, tmp_path, trained=True, case_weights="gone.csv")
    assert (kept.training, kept.validation, kept.test) == (split.training, split.validation, split.test)


def test_a_training_goes_on_with_the_weights_that_it_began_with(dataset, tmp_path: Path) -> None:
    table = tmp_path / "w.csv"
    table.write_text("case,weight\ncase_0,0\ncase_1,0.1\n")
    split = split_of(dataset, tmp_path, fold=4, case_weights=table)
    KeepPlan(tmp_path, plan_of(dataset, split.training, tmp_path), split).write(SimpleNamespace())
    resumed = split_of(dataset, tmp_path, resume=True, case_weights=table)
    assert (resumed.training, resumed.weights) == (split.training, split.weights)
    table.write_text("case,weight\ncase_0,1\ncase_1,0.1\n")
    with pytest.raises(InputError, match=r"w\.csv: the training in .* weight 0 of the case case_0, got 1;"):
        split_of(dataset, tmp_path, resume=True, case_weights=table)
    with pytest.raises(InputError, match=r"case_weights: the training in .* began with the weight 0 "):
        split_of(dataset, tmp_path, resume=True)


def test_training_cases_with_a_ground_truth_alone_are_said(dataset, tmp_path: Path) -> None:
    """In a data set of annotators; where every case has one label, or labels are simulated, it is none of them."""
    items = [{name: value for name, value in item.items() if name != "label"} for item in dataset.items]
    for item in items[2:]:
        item["annotators"] = {"AR": dataset.items[0]["label"]}
    for item, labeled in zip(items[:2], dataset.items, strict=False):
        item["label"] = labeled["label"]
    mixed = replace(dataset, items=tuple(items), annotators=("AR",))
    said = "2 training cases with a ground truth and no annotator's label, the first is case_0: the ground truth is "
    assert sum(said in note for note in plan_of(mixed, items, tmp_path).notes) == 1
    assert not any("no annotator's" in note for note in plan_of(mixed, items[2:], tmp_path).notes)
    assert not any("no annotator's" in note for note in plan_of(dataset, dataset.items, tmp_path).notes)


def test_a_contradiction_is_refused_by_name(dataset, tmp_path: Path) -> None:
    keep(tmp_path, dataset)
    with pytest.raises(InputError, match=r"image_size: the network was trained with \[10, 12\], got \[32, 32\]"):
        load_plan(tmp_path, {"image_size": [32, 32]})
    with pytest.raises(InputError, match="channels: the network was trained with 1, got 3"):
        plan_of(dataset, [], tmp_path, resume=True, channels=3)


@pytest.mark.parametrize("how", [{"trained": True}, {"resume": True}])
def test_from_what_patch_and_features_followed_is_refused_if_it_was_another(
    dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how
) -> None:
    """A default of the configuration is no contradiction: only what the command line gives."""
    keep(tmp_path, dataset)
    options: dict[str, Any] = {"memory_gb": 2.0, "base_features": 32}
    assert plan_of(dataset, [], tmp_path, **how, **options) == load_plan(tmp_path)
    monkeypatch.setattr("common.workflow.planning.given_overrides", lambda: options)
    with pytest.raises(InputError, match=r"memory_gb: the network was trained with 4\.0, got 2\.0; base_features: "):
        plan_of(dataset, [], tmp_path, **how, **options)
    assert plan_of(dataset, [], tmp_path, **how, memory_gb=4, base_features=16) == load_plan(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"ignore_value": 255},
            "ignore_value: (the network was trained with null|expected a value that is no class), got",
        ),
        (
            {"class_values": {"lung": 1}},
            r'class_values: the network was trained with \{"0": 0, "255": 1\}, got \{"0": 0, "1": 1\}',
        ),
        ({"class_colors": {"lung": "#ff0000"}}, "class_colors: the network was trained with null, got .*#ff0000"),
    ],
)
@pytest.mark.parametrize("how", [{"trained": True}, {"resume": True}])
def test_what_labels_mean_is_kept_and_another_meaning_refused(dataset, tmp_path: Path, options, sentence, how) -> None:
    keep(tmp_path, dataset)
    with pytest.raises(InputError, match=sentence):
        plan_of(dataset, [], tmp_path, **how, **options)
    same = {"class_values": {"lung": 255, "rest": 0}, "label_threshold": 127.5}
    assert plan_of(dataset, [], tmp_path, **how, **same) == load_plan(tmp_path)


def test_classes_that_are_given_go_before_the_names_of_a_data_set(dataset, tmp_path: Path) -> None:
    """As of one whose dataset.json exchanges them, and which was trained on with --class_values for that."""
    keep(tmp_path, dataset)
    exchanged = replace(dataset, class_names={0: "foreground", 255: "background"})
    with pytest.raises(InputError, match="calls the label value 0 foreground, which is background in the training"):
        plan_of(exchanged, [], tmp_path, trained=True)
    given = {"background": 0, "foreground": 255}
    assert plan_of(exchanged, [], tmp_path, trained=True, class_values=given) == load_plan(tmp_path)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"memory_gb": -1}, "memory_gb: expected a number above 0, got -1"),
        ({"batch_size": 1.5}, "batch_size: expected a whole number from 1 up, got 1.5"),
        ({"class_values": [1]}, "class_values: expected a mapping from names to values"),
        ({"no_such": 1}, "plan: expected known entries, got no_such"),
    ],
)
@pytest.mark.parametrize("resume", [False, True])
def test_what_cannot_be_is_refused_before_an_image_is_read(dataset, tmp_path: Path, options, sentence, resume) -> None:
    keep(tmp_path, dataset)
    with pytest.raises(InputError, match=sentence):
        plan_of(dataset, [{"image": "missing.png", "label": "missing.png"}], tmp_path, resume=resume, **options)


@pytest.mark.parametrize("names", [("background", "lung"), ("background", "lung", "nodule")])
def test_a_program_that_goes_on_from_weights_keeps_their_network(
    dataset, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """MONAI Label's items are of other sizes, and its labels hold the numbers of the classes, maybe not all of them."""
    keep(tmp_path, dataset)
    served = replace(load_plan(tmp_path), class_names=names)
    (tmp_path / "plan.json").write_text(served.to_json())
    for name, value in (("image", 9), ("label", len(names) - 1)):
        Image.fromarray(np.pad(np.full((20, 30), value, np.uint8), 5)).save(tmp_path / f"{name}.png")
    items = [{"image": str(tmp_path / "image.png"), "label": str(tmp_path / "label.png")}]
    assert plan_of(dataset, items, tmp_path).image_size == (40, 30), "nothing to go on from"
    (tmp_path / "model.pt").touch()
    plan = plan_of(dataset, items, tmp_path, features=[99], default_method={"architecture": "newer"})
    assert replace(plan, labels=served.labels, fingerprint=served.fingerprint, notes=served.notes) == served
    assert plan.labels[""]["values"][str(len(names) - 1)] == len(names) - 1


def test_options_that_are_none_are_found_out(dataset, tmp_path: Path) -> None:
    items = split_dataset(dataset).training
    few = plan_of(dataset, items, tmp_path, base_features=4, most_levels=1, memory_gb=None, spacing=None)
    assert few.features == (4,)


def test_an_untrained_bundle_has_the_plan_of_its_phantom_and_a_trained_one_its_own(tmp_path: Path) -> None:
    untrained = json.loads(example_plan().to_json())
    del untrained["format"], untrained["notes"], untrained["fingerprint"]
    assert load_plan(tmp_path, untrained=untrained) == example_plan()
    (tmp_path / "model.pt").touch()
    with pytest.raises(InputError, match="expected the plan that a training writes beside its weights"):
        load_plan(tmp_path, untrained=untrained)


def test_another_data_set_is_tested_as_a_whole(dataset, tmp_path: Path) -> None:
    keep(tmp_path, dataset)
    split = json.loads((tmp_path / "split.json").read_text())
    renamed = {section: [f"other_{name}" for name in names] for section, names in split.items()}
    (tmp_path / "split.json").write_text(json.dumps(renamed))
    assert len(load_split(dataset, tmp_path).test) == 8


@pytest.mark.parametrize(
    "split, measured, sentence",
    [
        (Split(validation=[{"case": "a"}], test=[{"case": "b"}, {"case": "c"}]), "test", "Measured: 2 test cases."),
        (Split(validation=[{"case": "a"}], test=[{"case": "b"}]), "validation", "Measured: 1 validation case."),
        (Split(validation=[{"case": "a"}]), "validation", r"1 validation case, by which the epoch .* no test cases\."),
    ],
)
def test_what_is_measured_is_said(split: Split, measured: str, sentence: str, caplog: pytest.LogCaptureFixture) -> None:
    """Names of metrics begin with ``val_`` in any case; folds measure their validation cases."""
    with caplog.at_level("INFO"):
        announce_measured(getattr(split, measured), split)
    assert re.search(sentence, caplog.text)


def test_other_cases_with_the_same_names_are_tested_as_a_whole(
    dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names such as case_0 occur in many data sets: what is measured is said, and can be said."""
    keep(tmp_path, dataset)
    split = json.loads((tmp_path / "split.json").read_text())
    (tmp_path / "split.json").write_text(json.dumps(split | {"training": split["training"][1:]}))
    with caplog.at_level("INFO"):
        known = split_of(dataset, tmp_path, trained=True)
        every = split_of(dataset, tmp_path, trained=True, new_cases=True)
    assert len(known.training + known.validation + known.test) == 7 and len(every.test) == 8
    said = "\n".join(record.getMessage() for record in caplog.records)
    assert f"{len(known.training)} training, {len(known.validation)} validation" in said and "; 1 case of" in said
    assert "all of its 8 cases are test cases, by --new_cases" in said


def test_an_average_is_not_measured_on_what_was_left_out(dataset, tmp_path: Path) -> None:
    """Cases of weight 0 are those that no network of a cross-validation learned from; their labels are suspect."""
    names = list(dataset.cases)
    for fold, validation in enumerate((names[:4], names[4:])):
        training = [name for name in names if name not in validation and name != names[0]]
        weights = {name: float(name != names[0]) for name in names if name not in validation}
        split = {"training": training, "validation": validation, "test": [], "weights": weights}
        (tmp_path / f"fold_{fold}").mkdir()
        (tmp_path / f"fold_{fold}/split.json").write_text(json.dumps(split))
        (tmp_path / f"fold_{fold}/model.pt").touch()
    assert [item["case"] for item in load_split(dataset, tmp_path / "fold_0").validation] == names[:4]
    with pytest.raises(InputError, match=r"trained at least one of the 2 networks or has weight 0 \("):
        load_split(dataset, [str(tmp_path / "fold_0"), str(tmp_path / "fold_1")])


def test_nothing_is_measured_on_the_training_cases(dataset, tmp_path: Path) -> None:
    keep(tmp_path, dataset)
    split = {"training": dataset.cases, "validation": [], "test": []}
    (tmp_path / "split.json").write_text(json.dumps(split))
    with pytest.raises(InputError, match=r"the network in .* was trained on all 8 cases, so none is left"):
        split_of(dataset, tmp_path, trained=True)


def test_cases_that_are_gone_are_named(dataset, tmp_path: Path) -> None:
    keep(tmp_path, dataset)
    for folder in ("images", "masks"):
        (tmp_path / f"data/{folder}/case_3.png").unlink()
    with pytest.raises(
        InputError, match=r"expected the 8 cases of the training .*, but it lacks 1 of them, such as case_3"
    ):
        load_split(read_dataset(tmp_path / "data"), tmp_path)


SECTIONS = '"training": [], "validation": [], "test": []'


@pytest.mark.parametrize("text", ["{", "[]", '{"training": 3}', f'{{{SECTIONS}, "weights": {{"a": "b"}}}}'])
def test_a_damaged_split_is_refused(dataset, tmp_path: Path, text: str) -> None:
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(InputError, match=r"split\.json"):
        load_split(dataset, tmp_path)
