"""A data set of one case trains, without validation and without a word about an empty loader."""

from __future__ import annotations

from pathlib import Path

import bundle_runs
import pytest
from conftest import TINY
from data_kinds import write_squares

from common.io.files import read_csv

FEW_STEPS = {"iterations_per_epoch": 1, "batch_size": 2}
SMALLER: dict[str, dict[str, int]] = {"soft_label_apl": FEW_STEPS, "bwcr": FEW_STEPS}


@pytest.mark.parametrize("name", TINY)
def test_one_case_trains(name: str, tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    data = write_squares(tmp_path / "data")
    for path in data.glob("*/case[1-9].png"):
        path.unlink()
    places = {"dataset_dir": str(data), "output_dir": str(tmp_path / "output"), "ckpt_dir": str(tmp_path / "models")}
    bundle_runs.run_bundle(name, "training", ["train"], **places, **SMALLER.get(name, {}), max_epochs=1)
    assert [one for one in recwarn if "empty" in str(one.message)] == []
    assert len(read_csv(tmp_path / "output/metrics.csv")) == 1 and (tmp_path / "models/model.pt").is_file()
