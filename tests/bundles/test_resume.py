"""A training killed in mid-epoch and resumed ends where the uninterrupted one ends, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

EPOCHS = 4


def training(bundle: Path, folder: Path, overrides: dict[str, Any]) -> subprocess.Popen:
    places = {"dataset_dir#folder": folder.parent / "phantom", "output_dir": folder, "ckpt_dir": folder}
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", "configs/train.yaml"]
    command += [text for key, value in {**overrides, **places}.items() for text in (f"--{key}", str(value))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=bundle, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    return output


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
@pytest.mark.parametrize("workers", [0, 1])
def test_killed_and_resumed_equals_uninterrupted(bundle, tiny, workers, tmp_path):
    overrides = {**tiny["train"], "max_epochs": EPOCHS, "num_workers": workers, "device": "cpu"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(training(bundle, whole, overrides))

    process = training(bundle, killed, overrides)
    table = killed / "metrics.csv"
    deadline = time.monotonic() + 200
    while not (table.exists() and len(table.read_text().splitlines()) >= 3):  # header and two epochs
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["epoch"] < EPOCHS

    assert "Resumed after epoch" in finish(training(bundle, killed, {**overrides, "resume": True}))
    files = sorted(path.name for path in whole.iterdir())
    assert {"checkpoint.pt", "metrics.csv", "model.pt"} <= set(files)
    for name in files:
        if name.endswith(".pt"):
            assert_same(*(torch.load(folder / name, weights_only=True) for folder in (whole, killed)), where=name)
        elif name.endswith(".csv"):
            assert (whole / name).read_bytes() == (killed / name).read_bytes()
