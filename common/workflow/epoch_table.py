"""One row per epoch: loss, learned parameters of the loss, metrics."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events

from common.io.files import write_csv
from common.workflow.engine_lock import lock_while_running

logger = logging.getLogger(__name__)


class EpochTable:
    """Ignite handler that keeps one row per epoch, logs it and rewrites ``metrics.csv`` whole.

    Columns: ``epoch``, ``loss`` (mean over the epoch's iterations), every scalar parameter of the loss by its name
    (``nu_tilde``), the trainer's metrics and each evaluator's metrics. The rows are part of the trainer's state and so
    of the checkpoint: a resumed run writes the table of the uninterrupted one. Of several processes the first writes.
    Attach it after the handler that validates.

    Args:
        folder: folder in which ``metrics.csv`` is written.
        loss: loss whose scalar parameters are logged.
        evaluators: engines whose metrics are added in the epochs in which they ran.

    Example:
        >>> import tempfile
        >>> engine = Engine(lambda engine, batch: {"loss": batch})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     EpochTable(folder).attach(engine)
        ...     engine.run(torch.tensor([1.0, 2.0]), max_epochs=1).epoch_table
        [{'epoch': 1, 'loss': 1.5}]
    """

    def __init__(self, folder: str, loss: Any = None, evaluators: Sequence[Engine] = ()) -> None:
        self.path = Path(folder) / "metrics.csv"
        self.parameters = dict(loss.named_parameters()) if isinstance(loss, torch.nn.Module) else {}
        self.evaluators = evaluators
        self._sum: torch.Tensor | None = None
        self._count = 0

    def attach(self, engine: Engine) -> None:
        engine.state.epoch_table = []
        engine.state_dict_user_keys.append("epoch_table")
        lock_while_running(engine, self.path.parent)
        engine.add_event_handler(Events.STARTED, self.begin)
        engine.add_event_handler(Events.EPOCH_STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self.add)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.finish)

    def begin(self, engine: Engine) -> None:
        if engine.state.epoch == 0:  # a training that is not resumed, of an engine that has run before
            engine.state.epoch_table = []

    def start(self, engine: Engine) -> None:
        self._sum, self._count = None, 0

    def add(self, engine: Engine) -> None:
        loss = engine.state.output["loss"].detach().float()  # stays on the device: no synchronization per iteration
        self._sum = loss if self._sum is None else self._sum + loss
        self._count += 1

    def finish(self, engine: Engine) -> None:
        row: dict[str, float] = {"epoch": engine.state.epoch}
        if self._sum is not None:
            row["loss"] = float(self._sum) / self._count
        learned = {name: float(p.detach()) for name, p in self.parameters.items() if p.numel() == 1}
        row |= learned
        engine.state.learned = learned  # for whoever follows the training, such as MLflow
        current = [source for source in self.evaluators if source.state.epoch == engine.state.epoch]
        for source in (engine, *current):
            row |= {name: float(value) for name, value in source.state.metrics.items() if _is_scalar(value)}
        engine.state.epoch_table.append(row)
        if idist.get_rank() > 0:
            return
        write_csv(self.path, engine.state.epoch_table)
        values = "  ".join(f"{name} {value:.4g}" for name, value in row.items() if name != "epoch")
        logger.info("epoch %d/%d  %s", engine.state.epoch, engine.state.max_epochs, values)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, torch.Tensor) and value.numel() == 1)
