"""MONAI's insides, one test for each: it fails with the name of what MONAI changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow, load, run

from common.workflow import monai_internals as internals

SEEN: dict[str, Any] = {}


def look() -> None:
    """What a configuration that is being run can see."""
    SEEN["workflow"] = internals.running_workflow()
    SEEN["overrides"] = internals.given_overrides()
    SEEN["files"] = internals.given_files()


@pytest.fixture
def config(tmp_path: Path) -> str:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs/metadata.json").write_text("{}")
    file = tmp_path / "configs/train.yaml"
    file.write_text(f"folder: a\nrate: 1\nrun:\n- {{_target_: {__name__}.look}}\n")
    return str(file)


def parsed(config: dict[str, Any]) -> ConfigParser:
    parser = ConfigParser(config)
    parser.parse()
    return parser


def test_the_running_workflow_is_found_by_the_method_run_of_config_workflow(config: str) -> None:
    workflow = ConfigWorkflow(config, logging_file=False)
    workflow.initialize()
    workflow.run()
    assert SEEN["workflow"] is workflow, "ConfigWorkflow.run is not on the call stack"
    assert SEEN["overrides"] == {} and SEEN["files"] == []


def test_run_has_a_local_named_override_with_what_monai_drops_and_rewrites(config: str) -> None:
    run(config_file=config, logging_file=False, rate=None, folder="a#b")
    assert SEEN["overrides"] == {"rate": None, "folder": "a#b"}, "monai.bundle.scripts.run: override"
    parser = SEEN["workflow"].parser
    assert parser["rate"] == 1, "update_kwargs keeps None now: given_overrides need not look for it"
    assert parser["folder"] == "a::b", "MONAI leaves # in values alone now: no path needs mending"


def test_run_has_locals_named_config_file_and_args_file(config: str, tmp_path: Path) -> None:
    run(config_file=[config], logging_file=False)
    assert SEEN["files"] == [config], "monai.bundle.scripts.run: config_file"
    (tmp_path / "args.yaml").write_text("rate: 2\n")
    run(config_file=config, logging_file=False, args_file=str(tmp_path / "args.yaml"))
    assert SEEN["files"] == [], "monai.bundle.scripts.run: args_file"


def network_of_what_is_loaded() -> torch.nn.Module:
    SEEN["loaded"] = internals.loaded_weights()
    return torch.nn.Linear(1, 1)


def test_load_has_a_local_named_full_path(config: str, tmp_path: Path) -> None:
    Path(config).with_name("inference.json").write_text(
        json.dumps({"network_def": {"_target_": f"{__name__}.network_of_what_is_loaded"}})
    )
    (tmp_path / "models").mkdir()
    torch.save(torch.nn.Linear(1, 1).state_dict(), tmp_path / "models/model.pt")
    load(name=tmp_path.name, bundle_dir=str(tmp_path.parent), workflow_type="inference", device="cpu")
    assert SEEN["loaded"] == tmp_path / "models/model.pt", "monai.bundle.scripts.load: full_path"


def test_replace_value_reaches_whatever_refers_to_it() -> None:
    parser = parsed({"a": {"b": {"c": 1}}, "d": "@a::b", "e": "$@a['b']", "kept": "$object()"})
    kept = parser.get_parsed_content("kept")
    internals.replace_value(parser, "a::b", None)
    assert parser.get_parsed_content("d") is None and parser.get_parsed_content("e") is None
    assert "a::b::c" not in internals.parsed_items(parser), "ConfigParser.ref_resolver.items"
    assert parser.get_parsed_content("kept") is kept, "ReferenceResolver.resolved_content"
    internals.replace_value(parser, "a::b", "$1 + 1")
    assert parser.get("a")["b"] == "$1 + 1", "ConfigParser._do_parse"


def test_change_component_copies_the_configuration() -> None:
    entry = {"_target_": "collections.Counter", "a": 1}
    parser = parsed({"x": [entry]})
    internals.change_component(parser, "x::0", a="$1 + 1", b=3)
    assert dict(parser.get_parsed_content("x::0")) == {"a": 2, "b": 3}, "ConfigComponent, ConfigExpression"
    assert entry == {"_target_": "collections.Counter", "a": 1}


def test_argument_names_are_those_of_the_target() -> None:
    parser = parsed({"a": {"_target_": "common.networks.UNet"}, "b": {"_target_": "collections.Counter"}})
    assert "features" in (internals.argument_names(parser, "a") or []), "ConfigComponent.resolve_module_name"
    assert internals.argument_names(parser, "b") is None


def test_small_ones() -> None:
    assert {"_target_", "_disabled_", "_mode_"} <= set(internals.NON_ARGUMENT_KEYS), "ConfigComponent.non_arg_keys"
    assert {"tracking_uri", "experiment_name", "trainer"} <= internals.tracking_keys(), "DEFAULT_EXP_MGMT_SETTINGS"
    assert internals.referenced_ids("$@a#b + @c") == ["a::b", "c"], "ReferenceResolver.match_refs_pattern"
    assert internals.ID_SEP_KEY == "::" and internals.MERGE_KEY == "+"
    assert dict(internals.walk_configuration({"a": [{"b": 1}]})) == {"a": [{"b": 1}], "a::0::b": 1}, "iter_subconfigs"
