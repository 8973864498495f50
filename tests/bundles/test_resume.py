"""A training killed in mid-epoch and resumed ends where the uninterrupted one ends, bit for bit."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import BUNDLES
from conftest import TINY
from warm_python import NewWarmPython, Process, WarmPython

EPOCHS = 4


@pytest.fixture(scope="module")
def other_python() -> Iterator[WarmPython]:
    """An interpreter in which sets and dictionaries of text have another order than in `warm_python`."""
    python = NewWarmPython(environment=os.environ | {"PYTHONHASHSEED": "1"})
    yield python
    python.close()


def training(python: WarmPython, bundle: Path, folder: Path, overrides: dict[str, Any]) -> Process:
    places = {"dataset_dir#folder": folder.parent / "phantom", "output_dir": folder, "ckpt_dir": folder}
    command = ["-m", "monai.bundle", "run", "training", "--config_file", "configs/train.yaml"]
    command += [text for key, value in {**overrides, **places}.items() for text in (f"--{key}", str(value))]
    return python.start(*command, folder=bundle)


def finish(process: Process) -> str:
    assert process.wait(timeout=300) == 0, process.output()
    return process.output()


def assert_same(a: Any, b: Any, where: str = "") -> None:
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}/{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}/{i}")
    else:
        assert a == b, where


@pytest.mark.acceptance("kill and resume")
def test_killed_and_resumed_equals_uninterrupted(bundle, warm_python, other_python, tmp_path):
    kill_and_resume(bundle, {}, warm_python, other_python, tmp_path)


WEIGHTS = {  # of cases, unequal in every training section
    "t_loss": [f"PHANTOM_{number:04}_{(number + 1) % 2},{number - 1}" for number in range(1, 9)],
    "bwcr": [f"patient00{number}_frame01,3" for number in range(1, 4)],
}


@pytest.mark.parametrize("name", ["t_loss", "bwcr"])  # pictures and volumes; a worker is seeded alike in all bundles
def test_killed_and_resumed_in_workers_with_weighted_cases(name, warm_python, other_python, tmp_path):
    (tmp_path / "weights.csv").write_text("\n".join(["case,weight", *WEIGHTS[name]]), encoding="utf-8")
    overrides = {"num_workers": 1, "case_weights": tmp_path / "weights.csv"}
    kill_and_resume(BUNDLES / name, overrides, warm_python, other_python, tmp_path)


def kill_and_resume(
    bundle: Path, overrides: dict[str, Any], warm_python: WarmPython, other_python: WarmPython, tmp_path: Path
) -> None:
    overrides = {**TINY[bundle.name]["train"], "max_epochs": EPOCHS, "device": "cpu", **overrides}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(training(warm_python, bundle, whole, overrides))

    process = training(other_python, bundle, killed, overrides)
    table = killed / "metrics.csv"
    deadline = time.monotonic() + 200
    while not (table.exists() and len(table.read_text().splitlines()) >= 3):  # header and two epochs
        assert process.poll() is None, process.output()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=20)
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["epoch"] < EPOCHS

    assert "Resumed after epoch" in finish(training(other_python, bundle, killed, {**overrides, "resume": True}))
    files = sorted(path.name for path in whole.iterdir())
    assert {"checkpoint.pt", "metrics.csv", "model.pt"} <= set(files)
    for name in files:
        if name.endswith(".pt"):
            assert_same(*(torch.load(folder / name, weights_only=True) for folder in (whole, killed)), where=name)
        elif name.endswith(".csv"):
            assert (whole / name).read_bytes() == (killed / name).read_bytes()
