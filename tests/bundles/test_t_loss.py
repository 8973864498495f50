"""Which epoch of a training of `t_loss` is kept; what `TrainingCheckpoint` then does is tested with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bundle_runs import run_bundle

from common.errors import find_input_error

TINY = {"features": [2, 2, 2], "max_epochs": 1, "dataset_dir#num_cases": 10, "dataset_dir#num_volumes": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "the weights of the last epoch, 1"), ({"select_by": "val_dice"}, "of epoch 1, the best by val_mean_dice")],
)
def test_which_epoch_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], said: str
) -> None:
    places = {"dataset_dir#folder": str(tmp_path / "data"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    run_bundle("t_loss", "training", ["train"], **TINY, **places, **options)
    assert said in capsys.readouterr().out


def test_an_unknown_way_to_select_is_refused(tmp_path: Path) -> None:
    places = {"dataset_dir#folder": str(tmp_path / "data"), "ckpt_dir": str(tmp_path), "output_dir": str(tmp_path)}
    with pytest.raises(RuntimeError) as raised:
        run_bundle("t_loss", "training", ["train"], **TINY, **places, select_by="val_mean_dice")
    error = str(find_input_error(raised.value))
    assert error.startswith("select_by: expected one of last_epoch, val_dice, got 'val_mean_dice'")
