"""Progress bar, TensorBoard, MLflow, and the record from which a run can be repeated."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from copy import deepcopy
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ignite.distributed as idist
import pytest
import torch
import yaml
from ignite.engine import Engine
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.bundle.utils import DEFAULT_EXP_MGMT_SETTINGS
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from common.errors import InputError
from common.workflow import EpochTable, Tracking, mlflow_tracking
from common.workflow.mlflow_tracking import prepare_mlflow
from common.workflow.monai_internals import running_parser
from common.workflow.run_record import environment, write_run_record


def train(folder: Path, epochs: int = 3, start: float = 1.0) -> None:
    """Ten iterations an epoch, whose loss is ``start`` minus a hundredth of the iteration."""

    def step(engine: Engine, batch: Any) -> dict[str, torch.Tensor]:
        return {"loss": torch.tensor(start - engine.state.iteration / 100)}

    engine = Engine(step)
    Tracking(str(folder)).attach(engine)
    EpochTable(str(folder)).attach(engine)
    engine.run(range(10), max_epochs=epochs)


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    return {
        tag: [(point.step, pytest.approx(point.value)) for point in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("stream", [Terminal(), io.StringIO()], ids=["terminal", "file"])
def test_bar_on_a_terminal_only(
    stream: io.StringIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    console = logging.StreamHandler(stream)
    monkeypatch.setattr(logging.root, "handlers", [console])
    caplog.set_level(logging.INFO, "common.workflow.epoch_table")
    train(tmp_path, epochs=2)
    text = stream.getvalue()
    assert "epoch 2/2  loss" in text  # the log line
    assert ("epoch 2/2: 100%" in text and "20/20 [" in text and "<" in text) == stream.isatty()
    assert logging.root.handlers == [console]


def test_without_a_terminal_the_log_says_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a minute, and then each time that twice as much has passed; steps take ten seconds here."""
    clock = iter(range(0, 10_000, 10))
    monkeypatch.setattr("common.workflow.tracking.time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    caplog.set_level(logging.INFO, "common.workflow.tracking")
    train(tmp_path, epochs=3)
    left = {6: "about 4 minutes", 12: "about 3 minutes", 24: "less than two minutes"}  # of the other steps of 30
    said = [f"{n} of 30 steps; at 10 s each, validation included, {time} are left." for n, time in left.items()]
    assert [message for message in caplog.messages if "steps" in message] == said


def test_curves_are_the_table(tmp_path: Path) -> None:
    train(tmp_path)
    assert curves(tmp_path) == {
        "epoch": [(1, 1.0), (2, 2.0), (3, 3.0)],
        "loss": [(1, 0.945), (2, 0.845), (3, 0.745)],
        "iteration/loss": [(10, 0.9), (20, 0.8), (30, 0.7)],
    }


def test_a_run_in_the_same_folder_hides_the_other(tmp_path: Path) -> None:
    train(tmp_path)
    train(tmp_path, epochs=1, start=2.0)
    assert curves(tmp_path)["loss"] == [(1, 1.945)]
    assert curves(tmp_path)["iteration/loss"] == [(10, 1.9)]


def test_only_the_first_process_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idist, "get_rank", lambda: 1)
    train(tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_before_training(tmp_path: Path) -> None:
    """A refused or merely inspected training leaves its folder as it was."""
    Tracking(str(tmp_path / "new")).attach(Engine(lambda engine, batch: None))
    assert not (tmp_path / "new").exists()


CONFIG = {"a": 1.0e-5, "b": "$@a * 2", "c": [1, None, {"d": "@a"}], "ä": "100 %", "e": [], "f": {}}


def test_configuration_reads_back(tmp_path: Path) -> None:
    parser = ConfigParser(CONFIG | {"g": "%a", "e": CONFIG["c"], "f": CONFIG["c"]})
    parser["_meta_"] = {"version": "1.2.3"}
    parser["device"] = torch.device("cpu")  # as a caller from Python gives it
    parser.parse()
    write_run_record(tmp_path, parser.get())
    again = ConfigParser()
    again.read_config(tmp_path / "configuration.yaml")
    expected = CONFIG | {"g": 1.0e-5, "e": CONFIG["c"], "f": CONFIG["c"], "device": "cpu", "_meta_": {}}
    assert again.get() == expected
    assert list(again.get())[1:3] == ["a", "b"], "in the order of the page"
    assert json.loads((tmp_path / "metadata.json").read_text()) == {"version": "1.2.3"}


def test_python_objects_are_no_configuration(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_run_record(tmp_path, {"network": torch.nn.Identity()})
    assert "configuration.yaml is not written: Identity()" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["environment.yaml"]


def test_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-m", "monai.bundle", "run", "the training"])
    write_run_record(tmp_path, None)
    found = yaml.safe_load((tmp_path / "environment.yaml").read_text())
    assert found == environment()
    assert found["packages"]["torch"] == version("torch")
    assert found["folder"] == str(tmp_path) and found["command"] == "python -m monai.bundle run 'the training'"
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))


def test_a_package_that_was_installed_since_the_last_run_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert "just-installed" not in environment()["packages"]
    (tmp_path / "just_installed-1.2.dist-info").mkdir()
    (tmp_path / "just_installed-1.2.dist-info/METADATA").write_text("Name: just-installed\nVersion: 1.2\n")
    os.utime(tmp_path, (1, 1))  # a clock may be coarse
    assert environment()["packages"]["just-installed"] == "1.2"


def test_the_innermost_parser_is_the_running_one() -> None:
    inner = ConfigParser({"x": "$running_parser()"}, globals={"running_parser": running_parser})
    outer = ConfigParser({"y": "$inner.get_parsed_content('x')"}, globals={"inner": inner})
    assert outer.get_parsed_content("y") is inner
    assert running_parser() is None


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[ConfigParser]:
    """A configuration to which MONAI has added what ``--tracking mlflow`` adds."""
    defaults = deepcopy(DEFAULT_EXP_MGMT_SETTINGS)
    parser = ConfigParser(
        {
            "output_dir": str(tmp_path),
            "training": ["$@train#trainer.run()"],
            "evaluating": ["$@validate#evaluator.run()"],
            "train": {"handlers": [], "trainer": {"_target_": "builtins.dict", "handlers": "@train#handlers"}},
            "validate": {"handlers": [], "evaluator": {"_target_": "builtins.dict", "handlers": "@validate#handlers"}},
        }
    )
    ConfigWorkflow.patch_bundle_tracking(parser, DEFAULT_EXP_MGMT_SETTINGS["mlflow"])
    parser.parse()
    yield parser
    assert defaults == DEFAULT_EXP_MGMT_SETTINGS, "the next run in this process has MONAI's defaults"


def test_mlflow_reads_the_loss_and_keeps_the_configuration(
    tracked: ConfigParser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    prepare_mlflow(tracked, "training")
    handler = "train::handlers::0"
    assert tracked.get_parsed_content(f"{handler}::output_transform")({"loss": 3}) == 3
    assert tracked.get_parsed_content(f"{handler}::artifacts") == f"{tmp_path}/configuration.yaml"
    assert tracked[handler]["output_transform"] == "$lambda output: output['loss']", "so says the record"
    assert "artifacts" not in tracked["validate::handlers::0"]
    assert "close_on_complete" not in tracked["validate::handlers::0"]
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_of_several_processes_the_first_tracks(tracked: ConfigParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_tracking.idist, "get_rank", lambda: 1)
    prepare_mlflow(tracked, "training")
    for engine in ("train::trainer", "validate::evaluator"):
        assert tracked.get_parsed_content(engine)["handlers"] == []


def test_evaluation_ends_its_mlflow_run(tracked: ConfigParser) -> None:
    prepare_mlflow(tracked, "evaluating")
    assert tracked.get_parsed_content("validate::handlers::0::close_on_complete") is True


def test_missing_extra_in_one_sentence(tracked: ConfigParser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_tracking, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"needs packages that are not installed: pip install -e '\.\[tracking\]'\."):
        prepare_mlflow(tracked, "training")
    prepare_mlflow(
        ConfigParser({"train": {"handlers": [{"_target_": "StatsHandler"}]}}), "training"
    )  # nobody asked for it
