"""Tables of metrics are whole or absent."""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine

from common.errors import InputError
from common.workflow import MetricsSaver


def finished_engine(dice: float) -> Engine:
    engine = Engine(lambda engine, batch: batch)
    engine.state.metrics = {"dice": dice}
    engine.state.metric_details = {"dice": torch.tensor([[dice], [dice]])}
    return engine


def test_the_tables_are_those_of_monai(tmp_path: Path) -> None:
    saver = MetricsSaver(str(tmp_path / "new/folder"), "*", "*", summary_ops="mean", delimiter=",")
    for dice in (0.25, 0.5):
        saver(finished_engine(dice))
    assert sorted(path.name for path in (tmp_path / "new/folder").iterdir()) == [
        "dice_raw.csv",
        "dice_summary.csv",
        "metrics.csv",
    ]
    assert (tmp_path / "new/folder/metrics.csv").read_text() == "dice,0.5\n"


def test_columns_are_named_by_the_classes(tmp_path: Path) -> None:
    engine = finished_engine(0.5)
    engine.state.metric_details = {"dice": torch.tensor([[0.25, 0.75], [0.5, 1.0]])}
    MetricsSaver(str(tmp_path), "*", "*", summary_ops=["mean"], delimiter=",", class_names=["wall", "core, inner"])(
        engine
    )
    raw = (tmp_path / "dice_raw.csv").read_text()
    assert raw == 'filename,wall,"core, inner",mean\n0,0.25,0.75,0.5\n1,0.5,1.0,0.75\n'
    summary = (tmp_path / "dice_summary.csv").read_text()
    assert summary == 'class,mean\nwall,0.3750\n"core, inner",0.8750\nmean,0.6250\n'


def test_means_are_said_class_by_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of the cases that have the class; a metric of another form has no classes."""
    engine = finished_engine(0.5)
    engine.state.metrics |= {"ece": torch.tensor(0.125), "matrix": torch.eye(2)}
    engine.state.metric_details = {"dice": torch.tensor([[0.25, float("nan")], [0.5, 1.0]]), "ece": torch.ones(2, 3)}
    caplog.set_level(logging.INFO, "common.workflow")
    MetricsSaver(str(tmp_path), class_names=["liver", "tumor"])(engine)
    assert caplog.messages == [f"dice 0.5 (liver 0.375, tumor 1); ece 0.125; tables in {tmp_path}."]


def test_columns_that_are_no_classes_have_names_of_their_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Two structures and two annotators: a metric of annotators is not one of structures."""
    engine = finished_engine(0.5)
    engine.state.metrics |= {"by_annotator": 0.5}
    engine.state.metric_details = dict.fromkeys(("dice", "by_annotator"), torch.tensor([[0.25, 0.75]]))
    caplog.set_level(logging.INFO, "common.workflow")
    names = {"class_names": ["liver", "tumor"], "other_names": {"by_annotator": ["anna", "ben"]}}
    MetricsSaver(str(tmp_path), "*", "*", summary_ops="mean", delimiter=",", **names)(engine)
    assert (tmp_path / "dice_raw.csv").read_text().startswith("filename,liver,tumor,mean\n")
    assert (tmp_path / "by_annotator_raw.csv").read_text().startswith("filename,anna,ben,mean\n")
    assert (tmp_path / "by_annotator_summary.csv").read_text().startswith("class,mean\nanna,0.25")
    assert caplog.messages[0].startswith("dice 0.5 (liver 0.25, tumor 0.75); by_annotator 0.5 (anna 0.25, ben 0.75);")


def test_a_class_called_mean_does_not_take_the_place_of_the_mean(tmp_path: Path) -> None:
    MetricsSaver(str(tmp_path), "*", "*", delimiter=",", class_names=["mean"])(finished_engine(0.5))
    assert (tmp_path / "dice_raw.csv").read_text().startswith("filename,class0,mean\n")


def test_a_full_disk_leaves_the_old_tables_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saver = MetricsSaver(str(tmp_path), "*", "*")
    saver(finished_engine(0.25))
    before = {path.name: path.read_text() for path in tmp_path.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device"):
        saver(finished_engine(0.5))
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before
    assert saver.save_dir == str(tmp_path)
