"""What a folder of a training answers to a second training: it is continued, replaced, or left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from bundle_runs import run_bundle

from common.errors import find_input_error


def refusal(**run: Any) -> str:
    with pytest.raises(Exception) as raised:
        run_bundle(**run)
    return str(find_input_error(raised.value))


def test_a_second_training_in_the_folder(bundle: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    places = {"dataset_dir#folder": str(tmp_path / "phantom"), "output_dir": str(tmp_path), "ckpt_dir": str(tmp_path)}
    run = {"bundle": bundle.name, "verb": "training", "configs": ["train"], **tiny["train"], **places}
    run_bundle(**run)
    files = {path.name: path.read_bytes() for path in tmp_path.glob("*.pt")}
    assert "--overwrite true starts over" in refusal(**run)
    message = refusal(**run, resume=True, seed=1)
    assert "belongs to a training with another configuration (seed 0, now 1)" in message and "\n" not in message
    assert files == {path.name: path.read_bytes() for path in tmp_path.glob("*.pt")}

    run_bundle(**run | {"max_epochs": 2}, resume=True, val_interval=2)
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["epoch"] == 2
    (tmp_path / "checkpoint.pt").rename(tmp_path / "theirs.pt")
    (tmp_path / "model.pt").unlink()
    run_bundle(**run, weights=str(tmp_path / "theirs.pt"), overwrite=True, seed=1)
    ours = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert ours["epoch"] == 1 and ours["definition"]["seed"] == 1
