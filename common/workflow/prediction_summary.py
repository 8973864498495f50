"""The tables of a run over new images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from common.files import write_csv


class PredictionSummary:
    """Ignite handler of an evaluator: gathers the rows of each item, and rewrites their table after each.

    Args:
        folder: where ``<key>.csv`` goes.
        key: of an item's row, or of its list of any number of rows.
    """

    def __init__(self, folder: str, key: str = "summary") -> None:
        self.path, self.key = Path(folder) / f"{key}.csv", key
        self.rows: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)

    def add(self, engine: Engine) -> None:
        for item in engine.state.output:
            found = item[self.key]
            self.rows.extend([found] if isinstance(found, dict) else found)
        write_csv(self.path, self.rows)
