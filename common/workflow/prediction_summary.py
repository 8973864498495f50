"""The table of a run over new images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from common.files import write_csv


class PredictionSummary:
    """Ignite handler of an evaluator: gathers each item's ``summary`` row, and rewrites ``summary.csv`` after each.

    Args:
        folder: where ``summary.csv`` goes.
    """

    def __init__(self, folder: str) -> None:
        self.path = Path(folder) / "summary.csv"
        self.rows: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)

    def add(self, engine: Engine) -> None:
        self.rows.extend(item["summary"] for item in engine.state.output)
        write_csv(self.path, self.rows)
