"""The tables of a run over new images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from common.io.files import write_csv
from common.workflow.distributed import require_one_process
from common.workflow.engine_lock import lock_while_running
from common.workflow.inference_progress import InferenceProgress


class PredictionSummary:
    """Ignite handler of an evaluator: gathers the rows of each item, and rewrites their table after each.

    Another run into the same folder is refused, see `lock_while_running`.

    Args:
        folder: folder in which ``<key>.csv`` is written.
        key: key of an item's row, or of its list of any number of rows.
        progress: progress whose finished cases keep their rows, in the order of the images; None starts with none.

    Raises:
        InputError: when attached, if several processes share the items.

    Example:
        >>> import tempfile
        >>> engine = Engine(lambda engine, batch: batch)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     PredictionSummary(folder).attach(engine)
        ...     _ = engine.run([[{"summary": {"case": "a", "volume_ml": 1.5}}]])
        ...     Path(folder, "summary.csv").read_text().splitlines()
        ['case,volume_ml', 'a,1.5']
    """

    def __init__(self, folder: str, key: str = "summary", progress: InferenceProgress | None = None) -> None:
        self.path, self.key, self.progress = Path(folder) / f"{key}.csv", key, progress
        self.start()

    def attach(self, engine: Engine) -> None:
        require_one_process(self.path)
        lock_while_running(engine, self.path.parent)
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)

    def start(self) -> None:
        self.rows: list[dict[str, Any]] = [] if self.progress is None else self.progress.rows(self.key)

    def add(self, engine: Engine) -> None:
        for item in engine.state.output:
            found = item[self.key]
            self.rows.extend([found] if isinstance(found, dict) else found)
        rows = self.rows if self.progress is None else self.progress.in_order(self.rows)
        write_csv(self.path, rows, ("case",))  # a header where nothing was found
