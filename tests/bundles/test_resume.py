"""A training killed in mid-epoch and resumed ends where the uninterrupted one ends, bit for bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

BUNDLES = Path(__file__).parents[2] / "bundles"
TINY = {
    "t_loss": {
        "dataset_dir#num_cases": 24,
        "image_size": [32, 32],
        "features": [4, 8, 8],
        "batch_size": 2,
        "max_epochs": 4,
        "num_workers": 0,
        "device": "cpu",
    }
}


def training(name: str, folder: Path, **overrides) -> subprocess.Popen:
    values = {
        **TINY[name],
        "dataset_dir#folder": folder.parent / "phantom",
        "output_dir": folder,
        "ckpt_dir": folder,
        **overrides,
    }
    command = [sys.executable, "-m", "monai.bundle", "run", "training", "--config_file", "configs/train.yaml"]
    command += [text for key, value in values.items() for text in (f"--{key}", str(value))]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, cwd=BUNDLES / name, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def finish(process: subprocess.Popen) -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    return output


def assert_same(a, b, where=""):
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


@pytest.mark.parametrize(("name", "num_workers"), [("t_loss", 0), ("t_loss", 1)])
def test_killed_and_resumed_equals_uninterrupted(name, num_workers, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    finish(training(name, whole, num_workers=num_workers))

    process = training(name, killed, num_workers=num_workers)
    table = killed / "metrics.csv"
    deadline = time.monotonic() + 100
    while not (table.exists() and len(table.read_text().splitlines()) >= 3):  # header and two epochs
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)  # into the third epoch
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert torch.load(killed / "checkpoint.pt", weights_only=True)["epoch"] < TINY[name]["max_epochs"]

    output = finish(training(name, killed, num_workers=num_workers, resume=True))
    assert "Resumed after epoch" in output
    for file in ("checkpoint.pt", "model.pt"):
        states = [torch.load(folder / file, weights_only=True) for folder in (whole, killed)]
        assert_same(*states, where=file)
    for file in ("metrics.csv", "memorisation.csv"):
        assert (whole / file).read_bytes() == (killed / file).read_bytes()
