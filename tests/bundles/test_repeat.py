"""A training can be repeated from its output folder, and MLflow follows one that asks for it."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import run_bundle
from conftest import TINY
from monai.bundle import run


def test_repeated_from_its_output_folder(
    bundle: Path, tiny: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the recorded configuration alone, bit for bit."""
    monkeypatch.chdir(tmp_path)
    first, second = (tmp_path / name for name in ("first", "second"))
    places = {"bundle_root": str(tmp_path), "output_dir": str(first), "ckpt_dir": str(first)}
    run_bundle(bundle.name, "training", ["train"], **tiny["train"], **places)
    recorded = first / "configuration.yaml"
    run(run_id="training", config_file=str(recorded), output_dir=str(second), ckpt_dir=str(second))
    assert (first / "metrics.csv").read_bytes() == (second / "metrics.csv").read_bytes()
    weights, again = (torch.load(folder / "model.pt", weights_only=True) for folder in (first, second))
    assert weights.keys() == again.keys()
    assert all(torch.equal(tensor, again[name]) for name, tensor in weights.items())
    assert list((first / "tensorboard").iterdir()) and (first / "environment.yaml").is_file()
    texts = [(folder / "configuration.yaml").read_text() for folder in (first, second)]
    assert texts[0].replace(str(first), str(second)) == texts[1], "so that the repetition can be repeated"


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Metrics of every epoch in an SQLite file beside the results, and nothing over the network."""
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    looked_up = []

    def refuse(*address: Any, **options: Any) -> None:
        looked_up.append(address)
        raise OSError("no network in tests")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    places = {"bundle_root": str(tmp_path), "output_dir": str(tmp_path / "output"), "ckpt_dir": str(tmp_path)}
    run_bundle("t_loss", "training", ["train"], tracking="mlflow", device="cpu", **TINY["t_loss"]["train"], **places)
    with sqlite3.connect(tmp_path / "output/mlruns.db") as database:
        metrics = dict(database.execute("SELECT key, MAX(step) FROM metrics GROUP BY key"))
        ((status, artifacts),) = database.execute("SELECT status, artifact_uri FROM runs")
    assert {"train_loss", "train_mean_dice", "val_mean_dice", "nu_tilde"} <= metrics.keys()
    assert metrics["val_mean_dice"] == TINY["t_loss"]["train"]["max_epochs"] and status == "FINISHED"
    assert (Path(artifacts.removeprefix("file://")) / "configuration.yaml").is_file()
    assert not looked_up
