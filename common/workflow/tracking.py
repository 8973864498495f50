"""Long work, watched: a progress bar, TensorBoard curves, and a record from which the run can be repeated."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack
from pathlib import Path

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events, State
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from common.io.files import writing
from common.workflow.failure import after_failure
from common.workflow.monai_internals import running_parser
from common.workflow.run_record import write_run_record

logger = logging.getLogger(__name__)

TENSORBOARD_FOLDER = "tensorboard"
FIRST_WORD = 60.0  # seconds after which a training without a bar says how long it takes; then after twice as many, …
LOSS_EVERY = 10  # iterations between two points of the curve within epochs; reading the loss makes a GPU wait


class Tracking:
    """Ignite handler of a trainer: progress bar, TensorBoard, and the record of the run.

    - A bar over the iterations of all epochs with the time left, on a terminal only. Elsewhere the log says it, after
      one minute, two, four, ….
    - ``tensorboard/``: every column of `EpochTable` by epoch, and the loss within epochs. A run that continues or
      repeats another in the same folder hides the other's later points.
    - ``configuration.yaml``, ``environment.yaml`` and ``metadata.json``, see `write_run_record`.

    Of several processes the first one does all this. Files are opened when the first epoch starts, and an epoch's row
    is written when the next one starts: wherever the handler stands among the others, it sees what they did.

    Args:
        folder: folder in which everything is written.
    """

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self.curves = self.folder / TENSORBOARD_FOLDER
        self.parser = running_parser()
        self._opened: ExitStack | None = None
        self._next_word = FIRST_WORD

    def attach(self, engine: Engine) -> None:
        if idist.get_rank() == 0:
            engine.add_event_handler(Events.EPOCH_STARTED, self.start_epoch)
            engine.add_event_handler(Events.ITERATION_COMPLETED, self.advance)
            engine.add_event_handler(Events.COMPLETED, self.close)
            after_failure(engine, lambda: self.close(engine))

    def start_epoch(self, engine: Engine) -> None:
        state = engine.state
        if self._opened is None:
            self._opened = ExitStack()
            configuration = None if self.parser is None else self.parser.get()
            write_run_record(self.folder, configuration, getattr(state, "device", None))
            total = state.max_epochs * state.epoch_length
            self._began, self._first = time.monotonic(), state.iteration
            self._bar = self._opened.enter_context(tqdm(None, "epoch", total, initial=state.iteration, disable=None))
            if not self._bar.disable:
                self._opened.enter_context(logging_redirect_tqdm())
            with writing(self.curves):
                writer = SummaryWriter(str(self.curves), purge_step=state.iteration + 1)
            self._writer = self._opened.enter_context(writer)
            self._rows_written = len(getattr(state, "epoch_table", ()))
        self._bar.set_description(f"epoch {state.epoch}/{state.max_epochs}")
        self._write_rows(engine)

    def advance(self, engine: Engine) -> None:
        self._bar.update()
        if self._bar.disable:
            self._say_time_left(engine.state)
        if engine.state.iteration % LOSS_EVERY == 0:
            loss = float(torch.as_tensor(engine.state.output["loss"]).detach())
            with writing(self.curves):
                self._writer.add_scalar("iteration/loss", loss, engine.state.iteration)

    def _say_time_left(self, state: State) -> None:
        passed, done = time.monotonic() - self._began, state.iteration - self._first
        if passed < self._next_word:
            return
        self._next_word = 2 * max(passed, self._next_word)
        total = state.max_epochs * state.epoch_length
        left = passed / done * (total - state.iteration)
        minutes = f"about {left / 60:.0f} minutes are" if left >= 90 else "less than two minutes are"
        logger.info(
            "%d of %d steps; at %.2g s each, validation included, %s left.",
            state.iteration,
            total,
            passed / done,
            minutes if left < 7200 else f"about {left / 3600:.0f} hours are",
        )

    def _write_rows(self, engine: Engine) -> None:
        rows = getattr(engine.state, "epoch_table", [])
        with writing(self.curves):  # the writer's thread hands its error to the next call
            for row in rows[self._rows_written :]:
                for name, value in row.items():
                    self._writer.add_scalar(name, value, row["epoch"])
            self._writer.flush()
        self._rows_written = len(rows)

    def close(self, engine: Engine) -> None:
        if self._opened is not None:
            self._write_rows(engine)
            self._opened.close()
            self._opened = None
