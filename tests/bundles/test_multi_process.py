"""Two processes train what one process trains, and their files continue each other's training."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import BUNDLES, run_bundle
from conftest import TINY
from monai.bundle import ConfigWorkflow
from warm_python import Process, WarmPython

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {
    "PYTHONPATH": os.pathsep.join((str(HERE.parents[1]), str(HERE))),
    "CUDA_VISIBLE_DEVICES": "",
}
TWO_CASES = {"fractions": [0.5, 0.5, 0.0]}  # for validation, one for each process
# Without what each process draws for itself; the last batch, or the cases of validation, two cannot halve.
SAME_DRAWS: dict[str, dict[str, Any]] = {
    "bwcr": {"augmentation_probability": 0.0, "architecture": "unet"},  # without batch normalization
    "disentangling_annotators": {"mirror_probability": 0.0, "dataset_dir#num_cases": 18, "features": [4, 8]},
    "marginal_thresholding": {"augmentation_probability": 0.0, "dataset_dir#num_cases": 8},
    "soft_label_apl": {"mirror_probability": 0.0, "features": [4, 8], **TWO_CASES},
    "t_loss": {"mirror_probability": 0.0, "gamma_probability": 0.0, "dataset_dir#num_cases": 9},
}
OVERLAYS = {"soft_label_apl": ["unet"]}  # the Mask R-CNN draws the regions that it learns from
# A step in proportion to the gradient, as rounding is. Adam makes whole steps of gradients that are rounding alone, as
# those of a bias in front of an instance normalization; how large these are depends on the processor's instructions.
STEADY = {"optimizer#_target_": "torch.optim.SGD", "learning_rate": 0.01}
GRADIENTS = {"t_loss": {"learning_rate": 1e-6}}  # whose loss sums over pixels
EPOCHS = 6


def comparable(name: str) -> dict[str, Any]:
    return SAME_DRAWS.get(name, {}) | STEADY | GRADIENTS.get(name, {})


def options(name: str, root: Path, folder: str, **overrides: Any) -> dict[str, Any]:
    places = {
        "dataset_dir#folder": str(root / "phantom"),
        "ckpt_dir": str(root / folder),
        "output_dir": str(root / folder),
    }
    return {**TINY[name]["train"], **places, **overrides}


def job(name: str, root: Path, folder: str, overlays: list[str], **overrides: Any) -> dict[str, Any]:
    """What both processes do, as `bundle_runs.run_bundle` takes it."""
    configs = ["train", *overlays, "multi_gpu_train"]
    return {
        "bundle": name,
        "verb": "training",
        "configs": configs,
        "overrides": {"device": "cpu", **options(name, root, folder, **overrides)},
    }


TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
TRAINING = ("-m", "monai.bundle", "run", "training", "--config_file")
TRAINING += ("['configs/train.yaml','configs/multi_gpu_train.yaml']",)


def torchrun(folder: Path, python: WarmPython, *arguments: str) -> Process:
    """A training in two processes, where all processes are forked."""
    command = [*TORCHRUN, "--no-python", python.write_command(folder / "python"), *TRAINING, *arguments]
    return python.start(*command, folder=BUNDLES / "t_loss", environment=ENVIRONMENT)


def trainer(folder: Path, rank: int) -> int:
    """The id of a process that `torchrun` has started."""
    return int((folder / f"python.{rank}").read_text(encoding="utf-8"))


def output_of_failed(folder: Path, python: WarmPython, *arguments: str) -> str:
    """What a training prints that must end with an error."""
    process = torchrun(folder, python, *arguments)
    assert process.wait(timeout=500) != 0
    return process.output()


def wait_for_epochs(table: Path, epochs: int, process: Process) -> None:
    """Until a running training has a line for each of so many epochs."""
    deadline = time.monotonic() + 500
    while not (table.exists() and len(table.read_text(encoding="utf-8").splitlines()) > epochs):
        assert process.poll() is None and time.monotonic() < deadline, process.output()
        time.sleep(0.02)


def arguments(overrides: dict[str, Any]) -> list[str]:
    return [text for key, value in overrides.items() for text in (f"--{key}", str(value))]


def children(process: int) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process}/task/{process}/children").read_text(encoding="utf-8").split()]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory, warm_python: WarmPython) -> Path:
    """A training of t_loss, with augmentation, whose second process was killed in mid-epoch."""
    root = tmp_path_factory.mktemp("killed")
    process = torchrun(root, warm_python, *arguments(options("t_loss", root, "broken", max_epochs=EPOCHS)))
    wait_for_epochs(root / "broken/metrics.csv", 2, process)
    os.kill(trainer(root, 1), signal.SIGKILL)
    assert process.wait(timeout=30) != 0
    said = re.findall(r"^.*process 0 ends, for .*$", process.output(), flags=re.MULTILINE)
    assert len(said) == 1, process.output()  # of the exchange that broke, or of torchrun's SIGTERM
    assert torch.load(root / "broken/checkpoint.pt", weights_only=True)["epoch"] < EPOCHS
    return root


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory, killed: Path, warm_python: WarmPython) -> Iterator[dict[str, Path]]:
    """Of each bundle ``one`` and ``two``, an epoch of one and of two processes, and both continued by the other."""
    roots = {name: tmp_path_factory.mktemp(name) for name in TINY}
    jobs = [job("t_loss", killed, "broken", [], max_epochs=EPOCHS, resume=True)]
    jobs += [job("t_loss", killed, "whole", [], max_epochs=EPOCHS)]
    for name, root in roots.items():
        overlays = OVERLAYS.get(name, [])
        run_bundle(name, "training", ["train", *overlays], **options(name, root, "one", **comparable(name)))
        shutil.copytree(root / "one", root / "one_then_two")
        jobs += [job(name, root, "two", overlays, **comparable(name))]
        jobs += [job(name, root, "one_then_two", overlays, **comparable(name), max_epochs=2, resume=True)]
    jobs += [job("soft_label_apl", roots["soft_label_apl"], "mask_rcnn", [], **TWO_CASES)]
    file = killed / "jobs"
    file.write_text("\n".join(json.dumps(each) for each in jobs), encoding="utf-8")
    two = warm_python.start(str(HERE / "two_processes.py"), str(file), folder=killed, environment=ENVIRONMENT)
    assert two.wait(timeout=500) == 0, two.output()[-4000:]
    for name, root in roots.items():
        shutil.copytree(root / "two", root / "two_then_one")
        overrides = options(name, root, "two_then_one", **comparable(name), max_epochs=2, resume=True)
        run_bundle(name, "training", ["train", *OVERLAYS.get(name, [])], **overrides)
    yield roots


def table(folder: Path, name: str = "metrics.csv") -> list[dict[str, float]]:
    with (folder / name).open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{key: float(value) for key, value in row.items() if key != "noise_kind"} for row in rows]


def trained(folder: Path) -> dict[str, torch.Tensor]:
    """The weights after the last epoch."""
    return torch.load(folder / "checkpoint.pt", weights_only=True)["objects"]["network"]


def largest_difference(first: Path, second: Path) -> float:
    one, other = trained(first), trained(second)
    assert one.keys() == other.keys()
    return max(float((one[name].double() - other[name].double()).abs().max()) for name in one)


def assert_equal_weights(first: Path, second: Path, root: Path) -> None:
    """But for a thousandth of what the second epoch changes."""
    difference, change = largest_difference(first, second), largest_difference(root / "one", root / "one_then_two")
    assert difference < 1e-3 * change, "expected equal weights; SAME_DRAWS turns off what each process draws for itself"


@pytest.mark.acceptance("2-process equality")
@pytest.mark.parametrize("bundle", TINY)
def test_two_processes_train_what_one_trains(bundle: str, roots: dict[str, Path]) -> None:
    one, two = roots[bundle] / "one", roots[bundle] / "two"
    assert_equal_weights(one, two, roots[bundle])
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for name in (path.name for path in one.glob("*.csv")):
        for row, other in zip(table(one, name), table(two, name), strict=True):
            assert row == pytest.approx(other, rel=1e-4, nan_ok=True), name


@pytest.mark.acceptance("2-process equality")
@pytest.mark.parametrize("bundle", TINY)
def test_a_checkpoint_continues_in_another_number_of_processes(bundle: str, roots: dict[str, Path]) -> None:
    one_then_two, two_then_one = (roots[bundle] / name for name in ("one_then_two", "two_then_one"))
    assert_equal_weights(one_then_two, two_then_one, roots[bundle])
    for row, other in zip(table(one_then_two), table(two_then_one), strict=True):
        assert row == pytest.approx(other, rel=1e-3, nan_ok=True)


def test_validation_and_statistics_of_a_mask_rcnn_are_those_of_one_network(roots: dict[str, Path]) -> None:
    """Both processes draw for themselves, but what they validated in shares is what the checkpoint holds."""
    root = roots["soft_label_apl"]
    weights = {"_target_": "common.workflow.load_weights", "network": "$@network_def.to(@device)"}
    evaluation = ConfigWorkflow(
        str(BUNDLES / "soft_label_apl/configs/train.yaml"),
        logging_file=False,
        device="cpu",
        network={**weights, "path": str(root / "mask_rcnn/model.pt")},
        **options("soft_label_apl", root, "alone", **TWO_CASES),
    )
    evaluation.initialize()
    evaluator = evaluation.parser.get_parsed_content("validate#evaluator")
    evaluator.run()
    (row,) = table(root / "mask_rcnn")
    found = {key: value for key, value in evaluator.state.metrics.items() if key in row}
    assert found == pytest.approx({key: row[key] for key in found}, rel=1e-4, nan_ok=True)


def test_killed_and_resumed_equals_uninterrupted(killed: Path, roots: dict[str, Path]) -> None:
    whole, broken = killed / "whole", killed / "broken"
    assert (whole / "metrics.csv").read_text() == (broken / "metrics.csv").read_text()
    assert largest_difference(whole, broken) == 0


def test_a_process_that_fails_ends_the_training(tmp_path: Path, warm_python: WarmPython) -> None:
    """The other one waits for it in the first exchange: torchrun ends that, and the error is the one that happened."""
    faulty = {"learning_rate": "$1.0e-3 / (1 - torch.distributed.get_rank())"}
    log = output_of_failed(tmp_path, warm_python, *arguments(options("t_loss", tmp_path, "output", **faulty)))
    assert "ZeroDivisionError" in log and "ChildFailedError" in log
    assert not (tmp_path / "output/model.pt").exists()


def test_a_mistake_is_one_sentence_of_the_first_process(tmp_path: Path, warm_python: WarmPython) -> None:
    wrong = options("t_loss", tmp_path, "output") | {"max_epoch": 2}
    log = output_of_failed(tmp_path, warm_python, *arguments(wrong))
    assert log.count("Error: --max_epoch: nothing") == 1
    assert "monai/bundle/reference_resolver.py" not in log, "a traceback of the training"


def test_a_process_that_hangs_ends_the_training(tmp_path: Path, warm_python: WarmPython) -> None:
    """Within the time that the group of processes has for an exchange, with one sentence."""
    overrides = options("t_loss", tmp_path, "output", max_epochs=1000, timeout=5)
    process = torchrun(tmp_path, warm_python, *arguments(overrides))
    wait_for_epochs(tmp_path / "output/metrics.csv", 1, process)
    os.kill(trainer(tmp_path, 0), signal.SIGSTOP)
    start = time.monotonic()
    while "another process of this training has ended or hangs" not in process.output():
        assert time.monotonic() - start < 30, process.output()
        time.sleep(0.1)
    os.kill(trainer(tmp_path, 0), signal.SIGCONT)
    assert process.wait(timeout=120) != 0


def test_no_process_trains_on_without_torchrun(tmp_path: Path) -> None:
    """As a user starts it: with the processes' own interpreters, of which each has torchrun for its parent."""
    command = [sys.executable, *TORCHRUN, *TRAINING]
    command += arguments(options("t_loss", tmp_path, "output", max_epochs=100000))
    table = tmp_path / "output/metrics.csv"
    with (tmp_path / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=BUNDLES / "t_loss", env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT
        )
    deadline = time.monotonic() + 500
    while not table.exists():
        assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.02)
    trainers = children(process.pid)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(_runs(pid) for pid in trainers):
        assert time.monotonic() < deadline, "orphans train on"
        time.sleep(0.1)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
