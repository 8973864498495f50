"""What the column of the expected Dice is worth, in words."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from ignite.engine import Engine

from common.io.files import write_csv
from common.methods import ExpectedDiceCheck

FIT = "Fit a temperature"


def reported(path: Path, rows: list[dict], caplog: pytest.LogCaptureFixture, temperature: str | None = None) -> str:
    engine = Engine(lambda engine, batch: None)
    ExpectedDiceCheck(path / "summary.csv", temperature).attach(engine)
    write_csv(path / "summary.csv", rows)
    engine.run([0])
    return "\n".join(record.message for record in caplog.records if record.levelno >= logging.WARNING)


@pytest.mark.parametrize("temperature", [None, "fitted"])
def test_evaluation_compares_the_means(
    temperature: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Over the cases in which a Dice is defined."""
    rows = [
        {"case": "a", "expected_dice": 0.9, "dice_half_noisy": 0.9, "dice_optimal_noisy": 0.5},
        {"case": "b", "expected_dice": 0.7, "dice_half_noisy": 0.7, "dice_optimal_noisy": 0.6},
        {"case": "empty", "expected_dice": 1.0, "dice_half_noisy": "", "dice_optimal_noisy": ""},
    ]
    text = reported(tmp_path, rows, caplog, temperature)
    assert "The mean expected Dice is 0.800 and the obtained one 0.550" in text
    assert (FIT in text) == (temperature is None)


def test_what_agrees_is_not_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not reported(tmp_path, [{"case": "a", "expected_dice": 0.8, "dice_optimal": 0.82}], caplog)


@pytest.mark.parametrize("column", ["expected_dice", "expected_dice_aorta"])
def test_of_new_images_nobody_knows_without_a_temperature(
    column: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{"case": "a", "threshold": 0.4, column: 0.8}]
    assert not reported(tmp_path, rows, caplog, "fitted")
    text = reported(tmp_path, rows, caplog)
    assert "no temperature was fitted" in text and FIT in text


def test_a_table_without_cases_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine(lambda engine, batch: None)
    ExpectedDiceCheck(tmp_path / "summary.csv").attach(engine)
    with caplog.at_level(logging.WARNING):
        engine.run([0])
    said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert not said and not ExpectedDiceCheck("summary.csv").says([])
