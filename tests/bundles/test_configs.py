"""Every configuration of every bundle read as code, and every rule of `config_lint` shown to find its breach."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import config_lint as lint
import pytest
import torch
from monai.bundle import ConfigParser, create_workflow, verify_metadata, verify_net_in_out

from common.datasets import geometry
from common.datasets.plan import example_plan
from common.workflow.monai_internals import walk_configuration

SCHEMA = "meta_schema_20240725.json"
PLACES = ("bundle_root", "device", "dataset_dir", "output_dir", "network_def", "network")
ENGINE = ("dataset", "dataset#data", "dataloader", "inferer", "preprocessing", "handlers", "key_metric")
KEYS = {
    "train": (
        *PLACES,
        *("optimizer", "max_epochs", "val_interval", "run", "training"),
        *(f"train#{key}" for key in (*ENGINE, "trainer", "trainer#max_epochs")),
        *(f"validate#{key}" for key in (*ENGINE, "postprocessing", "evaluator")),
    ),
    "inference": (
        *PLACES,
        *("dataset", "dataset#data", "preprocessing", "inferer", "postprocessing", "handlers", "evaluator"),
        *("run", "inferring"),
    ),
}


@pytest.fixture(scope="module")
def parser(config_files: list[str]) -> ConfigParser:
    return lint.read(config_files)


RULES = (
    lint.undefined_references,
    lint.circular_references,
    lint.unusable_targets,
    lint.broken_expressions,
    lint.early_common,
    lint.unproduced_metrics,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_parsed_configuration(rule: Callable[[ConfigParser], list[str]], parser: ConfigParser) -> None:
    found = rule(parser)
    assert not found, "\n".join(found)


def test_no_label_is_resized_to_its_nearest_value(config_files: list[str]) -> None:
    """MONAI's `Resize` with nearest moves a label by half a new voxel against its image; nearest-exact does not."""
    for id, value in walk_configuration(lint.read(config_files).config):
        if isinstance(value, dict) and str(value.get("_target_", "")).rpartition(".")[2].startswith(("Resize", "Zoom")):
            assert "nearest" not in str(value.get("mode", "")).replace("nearest-exact", ""), id
    plan = replace(example_plan(), image_size=(24, 24), spacing=None)
    resizing = [step for step in geometry(plan, keys=["image", "label"]) if "Resize" in type(step).__name__]
    assert [type(step).__name__ for step in resizing if "label" in step.keys] == ["ResizeLabelsd"]


FOUND_OUT = ("channels", "class_names", "class_values", "class_colors", "ignore_value", "orientation", "spacing")
FOUND_OUT += ("image_size", "patch_size", "crop", "normalization")


def test_what_the_plan_keeps_of_the_data_has_no_default_that_contradicts_it(bundle: Path) -> None:
    """Evaluation reads train.yaml, too, and takes what is not null for given."""
    config = ConfigParser.load_config_file(bundle / "configs/train.yaml")
    assert {name: config[name] for name in FOUND_OUT} == dict.fromkeys(FOUND_OUT)


def test_inference_does_not_take_its_own_results_for_inputs(bundle: Path) -> None:
    config = ConfigParser.load_config_file(bundle / "configs/inference.yaml")
    assert config["inputs"]["output_dir"] == "@output_dir"


def test_inference_with_the_overlay_of_a_training(overlaid_inference: list[str]) -> None:
    """An overlay has plain keys; with it inference defines all that it runs."""
    assert not [key for key in ConfigParser.load_config_file(overlaid_inference[-1]) if "#" in key or "::" in key]
    parser = lint.read_what_runs(ConfigParser.load_config_files(overlaid_inference))
    found = [breach for rule in RULES for breach in rule(parser)]
    assert "network_def" in parser and not found, "\n".join(found)


def test_configuration_as_written(config_files: list[str]) -> None:
    config = ConfigParser.load_config_files(config_files)
    overlay = ConfigParser.load_config_file(config_files[-1]) if len(config_files) > 1 else None
    found = lint.unused_definitions(config, overlay)
    if found and overlay and not any("#" in key for key in overlay):  # some are for inference
        inference = str(Path(config_files[0]).with_name("inference.yaml"))
        others = lint.unused_definitions(ConfigParser.load_config_files([inference, config_files[-1]]), overlay)
        found = [breach for breach in found if breach in others]
    found += lint.text_for_numbers(config)
    assert not found, "\n".join(found)


def test_lines_fit_a_screen(bundle: Path) -> None:
    """Only a command in a comment may be longer: it is there to be copied."""
    for path in bundle.glob("configs/*.yaml"):
        for line in path.read_text(encoding="utf-8").splitlines():
            assert len(line) <= 120 or re.match(r"# +(.*: )?(python -[mc]|torchrun) ", line), f"{path.name}: {line}"


def test_configurations_are_ascii(bundle: Path) -> None:
    """MONAI reads them in the encoding of the user's machine, which need not be UTF-8."""
    assert not [path.name for path in (bundle / "configs").iterdir() if not path.read_bytes().isascii()]


@pytest.mark.acceptance("zoo acceptance")
@pytest.mark.parametrize("name", KEYS)
def test_model_zoo_keys(name: str, bundle: Path) -> None:
    parser = lint.read([str(bundle / "configs" / f"{name}.yaml")])
    found = lint.missing_keys(parser, KEYS[name])
    assert not found, "\n".join(found)


def test_switches_of_a_step_reach_the_trainer(bundle: Path) -> None:
    """--accumulate and --compile of every bundle; both are off by default."""
    parser = lint.read([str(bundle / "configs/train.yaml")])
    trainer = parser["train::trainer"]
    assert (trainer["accumulation_steps"], parser["accumulate"]) == ("@accumulate", 1)
    assert (trainer["compile"], parser["compile"]) == ("@compile", False)


@pytest.mark.parametrize(("device", "engine", "network"), [("cpu", False, True), ("cuda", True, True)])
def test_mixed_precision_reaches_network_and_engines(bundle: Path, device: str, engine: bool, network: bool) -> None:
    """MONAI's engines know CUDA's alone; a Mask R-CNN, whose losses are part of it, has none on a CPU."""
    mask_rcnn = bundle.name == "soft_label_apl"
    for overlays in ([], ["unet"]) if mask_rcnn else ([],):
        parser = lint.read([str(bundle / f"configs/{name}.yaml") for name in ("train", *overlays)])
        parser.update({"device": device, "amp": True})
        engines, inferers = (
            [parser.get_parsed_content(f"{part}#amp") for part in parts]
            for parts in (("train#trainer", "validate#evaluator"), ("train#inferer", "validate#inferer"))
        )
        assert engines == [engine, engine]
        assert inferers == [network and (not mask_rcnn or bool(overlays)), network]


def test_run_is_an_alias(parser: ConfigParser, config_files: list[str]) -> None:
    """``python -m monai.bundle run`` alone does what the last file of the configuration is for."""
    verbs = {"inference": "inferring", "evaluate": "evaluating", "calibrate": "calibrating", "audit": "auditing"}
    named = verbs.get(Path(config_files[-1]).stem, "training")
    assert parser["run"] == parser[named] and isinstance(parser["run"], list)


@pytest.mark.acceptance("zoo acceptance")
@pytest.mark.acceptance("schema")
def test_metadata(bundle: Path, repository: Path) -> None:
    file = bundle / "configs/metadata.json"
    verify_metadata(meta_file=str(file), filepath=repository / "tests/data" / SCHEMA)  # a file at hand is not fetched
    metadata = json.loads(file.read_text(encoding="utf-8"))
    assert metadata["schema"].endswith(f"/{SCHEMA}")
    assert metadata["version"] in metadata["changelog"]
    assert "image" in metadata["network_data_format"]["inputs"]
    assert "pred" in metadata["network_data_format"]["outputs"]
    for side in metadata["network_data_format"].values():
        for tensor in side.values():
            assert all(type(extent) is int for extent in tensor["spatial_shape"]), "shapes are concrete numbers"
    image, pred = metadata["network_data_format"]["inputs"]["image"], metadata["network_data_format"]["outputs"]["pred"]
    assert len(image["channel_def"]) == image["num_channels"]
    assert list(pred["channel_def"]) == [str(number) for number in range(len(pred["channel_def"]))]
    assert pred["channel_def"]["0"] == "background", "what programs take from here are the numbers of the label map"


@pytest.mark.acceptance("zoo acceptance")
@pytest.mark.acceptance("net in/out")
@pytest.mark.parametrize("name", KEYS)
def test_network_fits_metadata(
    name: str, bundle: Path, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a training's configuration puts its phantom
    configs = bundle / "configs"
    phantom = {key: value for key, value in tiny[name].items() if key.startswith("dataset_dir#")}
    verify_net_in_out(
        net_id="network_def",
        meta_file=str(configs / "metadata.json"),
        config_file=str(configs / f"{name}.yaml"),
        device="cpu",
        **phantom,
    )


@pytest.mark.acceptance("zoo acceptance")
def test_properties(bundle: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    """All that MONAI's tools look for can be built, and inference loads the weights that training writes."""

    def workflow(name: str) -> Any:
        return create_workflow(
            config_file=str(bundle / "configs" / f"{name}.yaml"),
            workflow_type=name,
            logging_file=False,
            bundle_root=str(tmp_path),
            **tiny[name],
        )

    train = workflow("train")
    assert train.check_properties() == []
    (tmp_path / "models").mkdir(exist_ok=True)
    torch.save(train.network_def.state_dict(), tmp_path / "models/model.pt")
    if "plan" in train.parser:
        (tmp_path / "models/plan.json").write_text(train.parser.get_parsed_content("plan").to_json(), encoding="utf-8")
    assert workflow("inference").check_properties() == []


def test_every_metric_of_an_evaluation_is_in_its_table(bundle: Path) -> None:
    """One that an overlay adds, too."""
    handlers = ConfigParser.load_config_file(bundle / "configs/evaluate.yaml")["validate#handlers"]
    assert [handler["metrics"] for handler in handlers if handler["_target_"].endswith(".MetricsSaver")] == ["*"]


def test_texts(bundle: Path, repository: Path) -> None:
    """What a user copies: commands in the comments of configurations and in the pages about the bundle."""
    configs = sorted((bundle / "configs").glob("*.yaml"))
    defined = [ConfigParser.load_config_file(path) for path in configs]
    for path in [*configs, bundle / "docs/README.md", repository / f"docs/methods/{bundle.name}.md"]:
        text = path.read_text(encoding="utf-8")
        found = lint.numbered_handlers(text) + lint.mistyped_options(text, defined)
        assert not found, f"{path}: " + "\n".join(found)


def test_readme(repository: Path) -> None:
    assert lint.numbered_handlers((repository / "README.md").read_text(encoding="utf-8")) == []


def test_bundles_share_less_than_half_of_their_lines(bundles: list[Path]) -> None:
    """What stands in all five, stages and options under the same keys, is the frame; the rest is of one method."""
    texts = {path.name: (path / "configs/train.yaml").read_text(encoding="utf-8") for path in bundles}
    frame = lint.common_lines(list(texts.values()))
    for first, second in combinations(texts, 2):
        share = lint.shared_lines(texts[first], texts[second], frame)
        assert share < 0.5, f"train.yaml of {first} and {second} share {share:.0%} of their lines beside the frame"
    for name, text in texts.items():
        assert frame.total() / lint.lines_of(text).total() < 0.5, f"{name} is mostly frame"


BREACHES: list[tuple[Callable[[Any], list[str]], dict[str, Any], str]] = [
    (lint.undefined_references, {"a": "@b"}, "a: @b is not defined"),
    (lint.undefined_references, {"a": {"b": 1}, "c": "$@a#d + 1"}, "c: @a::d is not defined"),
    (lint.undefined_references, {"a": 1, "b": "@a + 1"}, "b: '@a + 1' stays text"),
    (lint.undefined_references, {"a": "%b", "b": "%c", "c": 1}, "a: '%c' stays text"),
    (
        lint.circular_references,
        {"a": {"_target_": "builtins.list", "x": "@b"}, "b": {"_target_": "builtins.list", "x": ["$@a"]}},
        "circular references",
    ),
    (lint.unusable_targets, {"a": {"_target_": "common.NoSuchName"}}, "a: common.NoSuchName does not import"),
    (lint.unusable_targets, {"a": {"_target_": "SimpleInfererr"}}, "a: SimpleInfererr does not import"),
    (lint.unusable_targets, {"a": {"_target_": "SimpleInferer", "b": 1}}, "unexpected keyword argument 'b'"),
    (lint.unusable_targets, {"a": [{"_target_": "Resized", "keys": "image"}]}, "a::0: monai.transforms.spatial"),
    (lint.unusable_targets, {"a": {"_target_": "Resized", "_mode_": "callable", "key": "x"}}, "argument 'key'"),
    (lint.broken_expressions, {"a": "$1 +"}, "a: '$1 +' is no expression"),
    (lint.broken_expressions, {"a": "$x = 1"}, "a: 'x = 1' is a statement"),
    (lint.broken_expressions, {"a": "$os.sep"}, "a: os does not exist"),
    (lint.broken_expressions, {"imports": ["$import os"], "a": "$os.path.jion('b')"}, "os.path.jion does not exist"),
    (lint.broken_expressions, {"a": "$[x for y in [1]]"}, "a: x does not exist"),
    (lint.broken_expressions, {"imports": ["$import no_such_module"]}, "No module named 'no_such_module'"),
    (lint.broken_expressions, {"imports": ["$import os, sys"]}, "the parser takes the first"),
    (lint.early_common, {"imports": ["$import common"]}, "imports::0"),
    (lint.early_common, {"initialize": ["$@a(1)"], "a": "$@b", "b": {"_target_": "common.x"}}, "b: 'common.x'"),
    (
        lint.unproduced_metrics,
        {
            "saver": {"_target_": "MetricsSaver", "save_dir": ".", "metrics": ["dice", "iou"]},
            "metric": {"dice": {"_target_": "MeanDice"}},
            "e": {"_target_": "SupervisedEvaluator", "val_handlers": ["@saver"], "key_val_metric": "@metric"},
        },
        "MetricsSaver in e: no metric 'iou' among ['dice']",
    ),
    (
        lint.unproduced_metrics,
        {
            "savers": [{"_target_": "MetricsSaver", "save_dir": ".", "metrics": "*", "metric_details": "hd"}],
            "e": {"_target_": "SupervisedEvaluator", "val_handlers": "$@savers + []"},
        },
        "MetricsSaver in e: no metric 'hd' among []",
    ),
    (
        lint.unproduced_metrics,
        {
            "c": {"_target_": "common.workflow.TrainingCheckpoint", "best_of": "@e"},
            "e": {"_target_": "SupervisedEvaluator", "additional_metrics": {"dice": {}}},
        },
        "c: SupervisedEvaluator has no key_val_metric",
    ),
    (lint.unproduced_metrics, {"a": "$lambda engine: engine.state.metrics['dice']"}, "a: no metric 'dice' among []"),
    (lint.unused_definitions, {"image_sizes": 1}, "image_sizes is defined but nothing refers to it"),
    (lint.unused_definitions, {"train": {"trainer": 1, "datasets": 2}}, "train::datasets"),
    (lint.text_for_numbers, {"learning_rate": "1e-3"}, "learning_rate: '1e-3' is text"),
    (lint.text_for_numbers, {"a": [{"b": "None"}]}, "a::0::b: 'None' is text"),
]


@pytest.mark.parametrize(("rule", "config", "sentence"), BREACHES, ids=lambda value: getattr(value, "__name__", ""))
def test_rules_find_breaches(rule: Callable[[Any], list[str]], config: dict[str, Any], sentence: str) -> None:
    as_written = rule in (lint.unused_definitions, lint.text_for_numbers)
    found = rule(config if as_written else lint.read(config))
    assert len(found) == 1 and sentence in found[0], found


def test_rules_pass_what_is_right() -> None:
    config = {
        "imports": ["$import os"],
        "a": 1,
        "b": "$[x + @a for x in range(@a)] + [(lambda y: y)(torch.pi), len(os.sep)]",
        "c": "%a",
        "d": {"_target_": "DataLoader", "dataset": ["@b"], "anything": "@c"},
        "e": {"_target_": "$@d.f", "x": 1},
        "run": ["@e"],
    }
    for rule in (lint.undefined_references, lint.circular_references, lint.unusable_targets, lint.broken_expressions):
        assert rule(lint.read(json.loads(json.dumps(config)))) == []
    assert lint.unused_definitions(config) == []
    assert lint.early_common(lint.read({"initialize": ["$@a"], "a": 1, "b": {"_target_": "common.x"}})) == []


def test_reading_refuses_silent_loss(tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(UserWarning, match="Duplicate key"):
        lint.read([str(tmp_path / "twice.yaml")])
    with pytest.raises(KeyError):
        lint.read({"a": "%missing"})


@pytest.mark.parametrize("text", ["train#handlers#0", "handlers::2", "$@validate#handlers[:2]", "x.val_handlers[-1]"])
def test_numbered_handlers_are_found(text: str) -> None:
    assert lint.numbered_handlers(text)


@pytest.mark.parametrize("text", ["@train#handlers", "handlers: []", "handlers#table", "handlers['table']"])
def test_named_handlers_are_not(text: str) -> None:
    assert lint.numbered_handlers(text) == []


def test_mistyped_options_are_found() -> None:
    config = {"train": {"x": 1}, "max_epochs": 1}
    right = "python -m monai.bundle run training --config_file a --train#x 2 \\\n  --max_epochs 3"
    assert lint.mistyped_options(right, [config]) == []
    (found,) = lint.mistyped_options(right.replace("max_epochs", "max_epoch"), [config])
    assert found.startswith("--max_epoch in ")


def test_shared_lines() -> None:
    text = "# one\na: 1  # why\n\nb:\n  c: '#2'\n"
    assert lint.shared_lines(text, re.sub("one|why", "other", text)) == 1
    assert lint.shared_lines(text, "a: 1\nb: 3\nd: 4\n  e: 5") == pytest.approx(1 / 3)
    assert lint.shared_lines(text, text.replace("  c", "c")) == pytest.approx(2 / 3)
