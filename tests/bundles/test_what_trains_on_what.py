"""Every bundle trains, resumes, is evaluated and segments on every kind of data, with values of the command line only.

``make trains-on`` runs all cells and writes the table of ``docs/what_trains_on_what.md``; the suite runs
each kind with one bundle.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bundle_runs import run_bundle
from conftest import TINY
from data_kinds import KINDS, Kind

from common.io import read_header, read_label_values
from common.io.files import read_csv

SMALLER: dict[str, dict[str, Any]] = {
    "t_loss": {"features": [4, 8, 8], "batch_size": 3},
    "marginal_thresholding": {"features": [4, 8], "batch_size": 3},
    "disentangling_annotators": {"features": [4, 8], "feature_channels": 4, "batch_size": 3, "warmup_epochs": 1},
    "soft_label_apl": {
        "features": [4, 4, 4, 4],
        "pyramid_channels": 4,
        "hidden": 8,
        "proposals": 8,
        "batch_size": 3,
        "iterations_per_epoch": 1,
    },
    "bwcr": {"features": [4, 8], "batch_size": 3, "iterations_per_epoch": 1},
}
TWO_DIMENSIONAL = ("soft_label_apl",)  # by nature: Mask R-CNN


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each kind of data with one of the bundles in turn; all cells where the table is written."""
    cells = [
        (name, kind)
        for row, name in enumerate(sorted(TINY))
        for column, kind in enumerate(KINDS)
        if metafunc.config.getoption("--trains-on") or column % len(TINY) == row
    ]
    metafunc.parametrize(
        ("name", "kind"), cells, ids=[f"{name}-{kind.layout}-{kind.write.__name__}" for name, kind in cells]
    )


def test_trains(name: str, kind: Kind, tmp_path: Path, record_property: Any) -> None:
    record_property("trains_on", [name, kind.name, kind.layout])
    data, run = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    new = kind.write(data)
    places = {"dataset_dir": str(data), "ckpt_dir": str(run), "output_dir": str(run)}
    places["cache"] = "disk" if kind.dims == 3 else "memory"
    options = SMALLER.get(name, {}) | dict(kind.options) | places
    run_bundle(name, "training", ["train"], **options, max_epochs=1)
    run_bundle(name, "training", ["train"], **options, max_epochs=2, resume=True)
    assert [row["epoch"] for row in read_csv(run / "metrics.csv")] == ["1", "2"]

    plan = json.loads((run / "plan.json").read_text())
    assert (len(plan["class_names"]), plan["image_dims"]) == (kind.classes, kind.dims)
    assert len(plan["annotators"]) == (kind.annotators if kind.annotators > 1 else len(plan["annotators"]))
    split = json.loads((run / "split.json").read_text())
    assert not set(split["training"]) & set(split["validation"])

    run_bundle(name, "evaluating", ["train", "evaluate"], **options)
    assert (run / "evaluation/metrics.csv").stat().st_size > 0

    places = {"dataset_dir": str(new[0].parent), "ckpt_dir": str(run), "output_dir": str(tmp_path / "masks")}
    run_bundle(name, "inferring", ["inference"], **places)
    (mask,) = (path for path in (tmp_path / "masks").iterdir() if path.name.startswith("a_mask"))
    image, segmented = read_header(new[0]), read_header(mask)
    assert segmented.shape == image.shape
    if kind.dims == 3:
        np.testing.assert_allclose(segmented.affine, image.affine, atol=1e-5)
    values = {int(value) for value in read_label_values(mask).unique()}
    assert values <= ({0, 255} if kind.dims == 2 and kind.classes == 2 else set(range(kind.classes)))
    assert all(value.isfinite().all() for value in torch.load(run / "model.pt").values() if value.is_floating_point())
