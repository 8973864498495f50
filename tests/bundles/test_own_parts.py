"""The overlays and the module of docs/own_parts.md, used as the page says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from bundle_runs import BUNDLES
from conftest import REPOSITORY, TINY
from monai.bundle import run
from PIL import Image

from common.io.files import read_csv
from common.phantoms import write_chest_phantom

PAGE = (REPOSITORY / "docs/own_parts.md").read_text(encoding="utf-8")
CONFIGS = BUNDLES / "t_loss/configs"
SIZES = {key: value for key, value in TINY["t_loss"]["train"].items() if not key.startswith("dataset_dir#")}


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the files of the page."""
    folder = tmp_path / "parts"
    folder.mkdir()
    for name, text in re.findall(r"`(my_\w+\.\w+)`(?:(?!```).)*?```\w+\n(.*?)```", PAGE, re.DOTALL):
        (folder / name).write_text(text, encoding="utf-8")
    assert len(list(folder.iterdir())) == 5
    monkeypatch.syspath_prepend(folder)
    return folder


def test_own_parts(tmp_path: Path, parts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_chest_phantom(tmp_path / "phantom", num_cases=8, size=32, num_volumes=1)
    network = parts / "my_network.yaml"
    places = {"ckpt_dir": str(tmp_path / "models"), "output_dir": str(tmp_path), "device": "cpu"}
    in_training = parts / "my_training_metric.yaml"
    in_evaluation = (parts / "my_metric.yaml").read_text(encoding="utf-8")
    assert "`validate#evaluator#additional_metrics:` instead of `+validate#additional_metrics:`" in PAGE
    in_training.write_text(in_evaluation.replace("+validate#", "validate#evaluator#"), encoding="utf-8")

    def bundle(verb: str, *files: Path, **values: object) -> None:
        run(run_id=verb, config_file=[str(file) for file in files], **places, **values)

    data = {"dataset_dir": str(tmp_path / "phantom"), **SIZES}
    overlays = [network, parts / "my_augmentation.yaml", parts / "my_handler.yaml", in_training]
    bundle("training", CONFIGS / "train.yaml", *overlays, **data)
    assert capsys.readouterr().out.count("Norm of the gradient: ") == 1
    (row,) = read_csv(tmp_path / "metrics.csv")
    assert float(row["val_volume_difference"]) >= 0

    bundle("evaluating", CONFIGS / "train.yaml", network, CONFIGS / "evaluate.yaml", parts / "my_metric.yaml", **data)
    lines = (tmp_path / "evaluation/metrics.csv").read_text(encoding="utf-8").splitlines()
    measured = {name: float(value) for name, value in (line.split(",") for line in lines)}
    assert measured.keys() >= {"val_mean_dice", "val_hausdorff_95", "val_volume_difference"}

    bundle("inferring", CONFIGS / "inference.yaml", network, dataset_dir=str(tmp_path / "phantom/new"))
    for mask in tmp_path.rglob("*_mask.png"):
        assert set(np.unique(np.asarray(Image.open(mask)))) <= {0, 255}
    assert len(list(tmp_path.rglob("*_mask.png"))) == len(list((tmp_path / "phantom/new").iterdir()))
