"""Overrides that MONAI would take in silence, or answer with a page of traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import BUNDLES
from monai.bundle import ConfigWorkflow, run

from common.datasets import annotated, read_dataset
from common.errors import InputError
from common.workflow import begin

BEGIN = {"begin": [{"_target_": "common.workflow.begin_run"}]}
VERBS = {
    "training": ["train"],
    "evaluating": ["train", "evaluate"],
    "inferring": ["inference"],
}
MISTYPED = {  # verb: key, the key that was meant, and a value of the right kind
    "training": ("max_epoch", "max_epochs", 2),
    "evaluating": ("ckpt_di", "ckpt_dir", "models"),
    "inferring": ("dataset_dirs", "dataset_dir", "images"),
}
NAMES = sorted(path.parents[1].name for path in BUNDLES.glob("*/configs/train.yaml"))


def hostile(*bundles: str) -> list[Any]:
    return [pytest.param(name, marks=pytest.mark.hostile(name)) for name in bundles or NAMES]


def start(bundle: str, verb: str, output: Path, **overrides: Any) -> None:
    """The verb with nothing overridden but the places, so that only its first entry can refuse."""
    files = [str(BUNDLES / bundle / f"configs/{name}.yaml") for name in VERBS[verb]]
    places = {"output_dir": str(output), "ckpt_dir": str(output), "dataset_dir": str(output / "missing")}
    run(run_id=verb, config_file=files, **{**places, **overrides})


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("bundle", hostile())
def test_a_mistyped_key_is_named(bundle: str, verb: str, refused: Callable, tmp_path: Path) -> None:
    key, meant, value = MISTYPED[verb]
    with refused(f"--{key}:", f"did you mean --{meant}?", unchanged=tmp_path):
        start(bundle, verb, tmp_path, **{key: value})


@pytest.mark.parametrize("section", ["train", "validate"])
@pytest.mark.parametrize("bundle", hostile())
def test_a_section_is_no_verb(
    bundle: str, section: str, refused: Callable, data_sets: Callable[[str], Path], tmp_path: Path
) -> None:
    """As ``run train`` is typed for ``run training``; MONAI would build it and end with exit code 0."""
    places = {"output_dir": str(tmp_path), "ckpt_dir": str(tmp_path), "dataset_dir": str(data_sets(bundle))}
    with refused(f"run {section}: expected checking or ", "got a section of the configuration", unchanged=tmp_path):
        run(run_id=section, config_file=str(BUNDLES / bundle / "configs/train.yaml"), **places)


CASES: list[tuple[str, str, dict[str, Any], str]] = [
    # keys
    ("t_loss", "training", {"train#val_interval": 2}, "--train#val_interval: nothing"),
    ("t_loss", "training", {"losses#gce#p": 0.5}, "--losses#gce#p: common.losses.Generalized"),
    ("t_loss", "inferring", {"tresholds": 0.3}, "did you mean --threshold?"),
    ("t_loss", "training", {"threshold": 0.3}, "--threshold: nothing"),
    ("bwcr", "training", {"methods#bwcr#view": 3}, "did you mean --methods#bwcr#views?"),
    ("bwcr", "training", {"label_error": []}, "did you mean --label_errors?"),
    (
        "marginal_thresholding",
        "training",
        {"dataset_dir": {"_target_": "common.phantoms.write_ct_phantom", "foldr": "x"}},
        "did you mean --dataset_dir#folder?",
    ),
    ("marginal_thresholding", "training", {"optimizer#weigth_decay": 0.1}, "did you mean --optimizer#weight_decay?"),
    ("disentangling_annotators", "training", {"validate#splits": 1}, "did you mean --validate#split?"),
    ("disentangling_annotators", "inferring", {"reedout": "vote"}, "did you mean --readout?"),
    ("soft_label_apl", "training", {"network_def#feature": [4, 8]}, "did you mean --network_def#features?"),
    # kinds
    ("t_loss", "training", {"max_epochs": "twenty"}, "--max_epochs: expected a number such as 20, got 'twenty'"),
    ("t_loss", "training", {"batch_size": 2.5}, "--batch_size: expected a whole number such as 8, got 2.5"),
    ("t_loss", "training", {"resume": "yes"}, "--resume: expected true or false, got 'yes'"),
    ("soft_label_apl", "training", {"amp": "true", "device": "cpu"}, "--amp: a training of this network has mixed"),
    ("soft_label_apl", "training", {"compile": "true"}, "compile: expected false of a Mask R-CNN"),
    ("t_loss", "inferring", {"amp": "bfloat16"}, "--amp: expected true or false, got 'bfloat16'"),
    ("bwcr", "training", {"lambda_max": (0, 5)}, "--lambda_max: expected a number such as 1.0, got (0, 5)"),
    ("bwcr", "training", {"view#scale": "large"}, "--view#scale: expected a list"),
    ("marginal_thresholding", "inferring", {"dataset_dir": 2024}, "--dataset_dir: expected a path"),
    ("soft_label_apl", "training", {"batch_size": "big"}, "--batch_size: expected a number such as"),
    ("disentangling_annotators", "training", {"truht": None}, "did you mean --truth?"),
    ("t_loss", "training", {"max_epochs": float("inf")}, "--max_epochs: expected a whole number such as 20, got inf"),
    ("t_loss", "training", {"case_weights": 3}, "--case_weights: expected a path"),
    ("t_loss", "training", {"weights": ["a.pt"]}, "--weights: expected a path"),
    ("t_loss", "training", {"loss_name": ["bce"]}, "--loss_name: expected a single value such as t_loss, got ['bce']"),
    # ranges
    ("t_loss", "training", {"max_epochs": 0}, "max_epochs: expected a whole number from 1 up, got 0"),
    (
        "bwcr",
        "training",
        {"iterations_per_epoch": -1},
        "iterations_per_epoch: expected a whole number from 1 up",
    ),
    ("bwcr", "training", {"learning_rate": 0}, "learning_rate: expected a finite number above 0, got 0"),
    ("bwcr", "training", {"average_momentum": 1}, "average_momentum: expected a number above 0 and below 1, got 1"),
    ("soft_label_apl", "inferring", {"proposals": 0}, "proposals: expected a whole number from 1 up, got 0"),
    ("marginal_thresholding", "training", {"seed": -1}, "seed: expected a whole number from 0 up, got -1"),
    ("t_loss", "training", {"seed": "abc"}, "--seed: expected a number such as 0, got 'abc'"),
    ("bwcr", "training", {"window_growth": 0.5}, "window_growth: expected a number of at least 1, got 0.5"),
    ("marginal_thresholding", "training", {"weight_decay": -1}, "weight_decay: expected a finite number from 0 up"),
    # what only looks like a path
    ("t_loss", "training", {"dataset_dir": "$images"}, "a folder of that name is './$images'"),
    ("bwcr", "inferring", {"output_dir": "@results"}, "a folder of that name is './@results'"),
    # a place that is none, or the folder in which the command is given
    ("t_loss", "training", {"dataset_dir": ""}, "dataset_dir: expected a folder or a datalist, got ''"),
    ("bwcr", "inferring", {"output_dir": " "}, "output_dir: expected a folder for the results, got ' '"),
    ("soft_label_apl", "inferring", {"ckpt_dir": None}, "ckpt_dir: expected the folder of a training, got None"),
    # a mapping in place of a component
    ("t_loss", "training", {"dataset_dir": {"num_cases": 8}}, "--dataset_dir: expected a whole mapping, with _target_"),
    ("bwcr", "training", {"methods": {"bwcr": {}}}, "--methods: expected a whole mapping, with baseline too"),
    # a number that is none
    ("marginal_thresholding", "training", {"max_epochs": None}, "--max_epochs: expected a number such as 20, got None"),
    ("t_loss", "training", {"learning_rate": "null"}, "--learning_rate: expected a number such as 0.001, got None"),
    # what is not there
    (
        "t_loss",
        "training",
        {"device": "gpu"},
        "--device: 'gpu' cannot be used here (expected cpu, cuda, cuda:1 or mps).",
    ),
    ("soft_label_apl", "inferring", {"device": "cuda:99"}, "--device: 'cuda:99' cannot be used here"),
]


@pytest.mark.parametrize(
    ("bundle", "verb", "overrides", "words"),
    [pytest.param(*case, marks=pytest.mark.hostile(case[0]), id=f"{case[0]}-{next(iter(case[2]))}") for case in CASES],
)
def test_a_wrong_override_is_named(
    bundle: str, verb: str, overrides: dict[str, Any], words: str, refused: Callable, tmp_path: Path
) -> None:
    with refused(words, unchanged=tmp_path):
        start(bundle, verb, tmp_path, **overrides)


@pytest.mark.hostile("t_loss")
def test_a_mistyped_key_in_an_args_file(refused: Callable, tmp_path: Path) -> None:
    file = tmp_path / "args.json"
    file.write_text(json.dumps({"nu_tild": 1.0}))
    with refused("--nu_tild:", "did you mean --nu_tilde?"):
        start("t_loss", "training", tmp_path, args_file=str(file))


@pytest.mark.hostile("bwcr")
def test_a_mistyped_key_from_python(refused: Callable, tmp_path: Path) -> None:
    file = str(BUNDLES / "bwcr/configs/train.yaml")
    workflow = ConfigWorkflow(file, logging_file=False, output_dir=str(tmp_path), count=3)
    workflow.initialize()
    with refused("--count:", "did you mean --counts?", unchanged=tmp_path):
        workflow.run()


@pytest.mark.hostile("t_loss")
def test_a_mistyped_key_in_an_overlay_of_the_user(refused: Callable, tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("noise_alhpa: 0\n")
    files = [*(str(BUNDLES / f"t_loss/configs/{name}.yaml") for name in ("train", "noise")), str(overlay)]
    with refused("--noise_alhpa:", "did you mean --noise_alpha?"):
        run(run_id="training", config_file=files, output_dir=str(tmp_path))


def test_what_has_an_effect_is_accepted(refused: Callable, tmp_path: Path) -> None:
    """A new choice, an argument that the file does not state, a definition that is used: the folder is missed first."""
    mine = {"_target_": "torch.nn.BCEWithLogitsLoss"}
    overrides = {
        "losses#mine": mine,
        "loss_name": "mine",
        "optimizer#amsgrad": True,
        "rate": 0.1,
        "learning_rate": "@rate",
    }
    for accepted in ({"nu_tilde": 1}, {"max_epochs": 3.0}, {"image_size": (32, 32)}, {"resume": "False"}, overrides):
        with refused("missing", "does not exist", unchanged=tmp_path):
            start("t_loss", "training", tmp_path, **accepted)


@pytest.mark.parametrize("null", [None, "null", "None", "~"])
def test_null_can_be_typed(null: str | None, overridden: Callable) -> None:
    parser = overridden("disentangling_annotators", truth=null)
    assert parser["truth"] is None and parser.get_parsed_content("truth") is None


@pytest.mark.parametrize(("word", "value"), [("false", False), ("True", True)])
def test_a_switch_that_follows_the_device_is_a_switch_too(word: str, value: bool, overridden: Callable) -> None:
    """As a text, which Python holds true, --amp false would leave mixed precision on."""
    assert overridden("t_loss", amp=word)["amp"] is value


def test_a_processor_without_bfloat16_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """There it takes up to thirty times as long."""
    for known, said in (({"avx2": True, "avx512_bf16": False}, 1), ({"avx2": True, "amx_bf16": True}, 0)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda known=known: known)
        caplog.clear()
        begin.check_precision("cpu", training=False)
        assert len(caplog.records) == said


def test_mixed_precision_of_a_training_is_for_cuda_and_processors() -> None:
    begin.check_precision("cuda:1", training=True, network_alone=False)
    for device, alone, where in (("mps", True, "CUDA or a CPU"), ("cpu", False, "CUDA alone")):
        with pytest.raises(InputError, match=f"on {where}, got the device {device}"):
            begin.check_precision(device, training=True, network_alone=alone)


def test_a_mapping_can_become_null(overridden: Callable) -> None:
    assert overridden("disentangling_annotators", **{"validate#split": None})["validate#split"] is None


def test_an_overlay_that_is_not_read_demands_nothing(overridden: Callable) -> None:
    """hippocampus.yaml has class_values of its own."""
    parser = overridden("disentangling_annotators", class_values={"background": 0, "lesion": 1})
    assert parser["class_values"] == {"background": 0, "lesion": 1}


def test_annotators_may_be_numbers(tmp_path: Path) -> None:
    """As the command line hands them over."""
    for name in ("images", "1", "2", "3", "9"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").touch()
    found = annotated(read_dataset(tmp_path, annotators=[1, 2, 3], truth=9), annotators=[1, 2, 3])
    (item,) = found.items
    assert found.annotators == ("1", "2", "3") == tuple(item["annotators"])
    assert item["label"] == str(tmp_path / "9/a.png")


def test_a_path_is_taken_literally(overridden: Callable, tmp_path: Path) -> None:
    folder = str(tmp_path / "a#1 @b $c 50% d::e")
    parser = overridden("t_loss", dataset_dir=folder, output_dir=folder)
    assert parser.get_parsed_content("dataset_dir") == folder == parser.get_parsed_content("output_dir")


def test_a_tilde_is_the_home_folder(overridden: Callable) -> None:
    parser = overridden("t_loss", dataset_dir="~/data", case_weights="~/w.csv")
    places = [parser.get_parsed_content(key) for key in ("dataset_dir", "case_weights")]
    assert places == [str(Path.home() / "data"), str(Path.home() / "w.csv")]


@pytest.fixture
def overridden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The parser of a training after its first entry."""
    seen = []
    check = begin.check_overrides
    monkeypatch.setattr(begin, "check_overrides", lambda workflow: (check(workflow), seen.append(workflow.parser)))

    def checked(bundle: str, **overrides: Any) -> Any:
        (tmp_path / "folder").mkdir()
        file = str(BUNDLES / bundle / "configs/train.yaml")
        places = {"output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)}
        run(run_id="begin", config_file=file, **{**places, **overrides, **BEGIN})
        return seen[0]

    return checked


@pytest.mark.hostile("t_loss")
def test_results_cannot_go_into_a_file(refused: Callable, tmp_path: Path) -> None:
    file = tmp_path / "results"
    file.write_text("mine")
    with refused("output_dir: expected a folder for the results", "is a file", unchanged=tmp_path):
        start("t_loss", "inferring", tmp_path, output_dir=str(file / "inference"))
    assert file.read_text() == "mine"
