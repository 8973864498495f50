"""A training that ends without a structure says so."""

from __future__ import annotations

import logging
import math

import pytest
import torch
from ignite.engine import Engine

from common.metrics import DiceScore
from common.workflow import LostStructures


def evaluator(masks: list[list[int]], labels: list[list[int]]) -> Engine:
    """Has measured class maps of three pixels with two structures."""
    engine = Engine(lambda engine, batch: batch)
    engine.state.metric_details = {}
    DiceScore(num_classes=3, include_background=False).attach(engine, "val_mean_dice")
    engine.run([tuple(torch.tensor(values)[None, None] for values in pair) for pair in zip(masks, labels, strict=True)])
    return engine


@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ([[1, 2, 0], [0, 2, 1]], []),
        ([[1, 0, 0], [0, 0, 1]], ["tumor: Dice is 0 in the one image"]),  # missed in one, absent from the other
        ([[1, 0, 2], [0, 0, 1]], ["tumor: Dice is 0 in the one image"]),  # in the wrong place
        ([[1, 0, 0], [0, 2, 0]], ["tumor: Dice is 0 in all 2 images"]),  # missed, and found where it is not
        ([[0, 0, 0], [0, 0, 0]], ["liver: Dice is 0 in all 2 images", "tumor: Dice is 0 in the one image"]),
    ],
)
def test_each_structure_that_is_never_right_is_named(
    masks: list[list[int]], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    trainer = Engine(lambda engine, batch: None)
    LostStructures(evaluator(masks, [[1, 2, 0], [0, 0, 1]]), ["liver", "tumor"]).attach(trainer)
    with caplog.at_level(logging.WARNING):
        trainer.run([0], max_epochs=2)
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [message.split(" of the last")[0] for message in warnings] == said


@pytest.mark.parametrize(
    ("masks", "lost"),
    [
        ([[1, 2, 0], [0, 0, 1]], []),
        ([[1, 0, 0], [0, 0, 1]], [("tumor", 2)]),
        ([[1, 0, 2], [0, 0, 1]], [("tumor", 2)]),  # where nobody drew it
        ([[1, 0, 0], [0, 2, 1]], []),  # where one of two annotators drew it
        ([[2, 0, 0], [0, 0, 0]], [("liver", 2), ("tumor", 2)]),
    ],
)
def test_without_a_truth_a_structure_is_right_where_an_annotator_drew_it(
    masks: list[list[int]], lost: list[tuple[str, int]]
) -> None:
    labels = [[[1, 2, 0], [1, 1, 0]], [[0, 0, 1], [-1, 2, 1]]]
    engine = Engine(lambda engine, batch: batch)
    handler = LostStructures(engine, ["liver", "tumor"], label_key="annotator_labels")
    assert handler.lost() == []
    pairs = [
        [{"pred": torch.tensor(mask)[None], "annotator_labels": torch.tensor(drawn)}]
        for mask, drawn in zip(masks, labels, strict=True)
    ]
    for _ in range(2):  # each validation on its own
        engine.run(pairs)
    assert handler.lost() == lost


def test_before_a_validation_and_without_a_structure_nothing_is_said() -> None:
    engine = Engine(lambda engine, batch: None)
    assert LostStructures(engine, ["liver"]).lost() == []
    engine.state.metric_details = {"val_mean_dice": torch.full((3, 1), math.nan)}
    assert LostStructures(engine, ["liver"]).lost() == []


def test_of_an_interrupted_training_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    trainer = Engine(lambda engine, batch: engine.terminate())
    LostStructures(evaluator([[0, 0, 0]], [[1, 2, 0]]), ["liver", "tumor"]).attach(trainer)
    trainer.run([0], max_epochs=2)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
