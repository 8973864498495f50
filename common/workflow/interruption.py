"""A training that is told to stop ends in order."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

import ignite.distributed as idist
from ignite.engine import Engine, Events

from common.workflow.failure import after_failure
from common.workflow.monai_internals import is_monai_command

__all__ = ["Interruption", "exit_on_termination"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)

logger = logging.getLogger(__name__)


class Interruption:
    """Ignite handler of a trainer: SIGINT (Ctrl-C) and SIGTERM end the training after the iteration at hand.

    The handlers of `Events.TERMINATE` and `Events.COMPLETED` run, so that files and trackers are closed, then the
    process exits with 130 or 143 and without a traceback. An epoch that was not whole is lost: what
    `TrainingCheckpoint` wrote after the last whole one continues with ``--resume True``. A validation at hand is
    finished, and its epoch kept. A second signal acts at once, as it does outside of the training. One of several
    processes says so and exits at once, for the others would wait for it.
    """

    def __init__(self) -> None:
        self._signal = 0
        self._before: dict[int, Any] = {}

    def attach(self, engine: Engine) -> None:
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.TERMINATE, self.terminate)
        engine.add_event_handler(Events.COMPLETED, self.restore)
        after_failure(engine, self.restore)

    def start(self, engine: Engine) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # Python hands signals to the main thread alone
        process = os.getpid()

        def stop(number: int, frame: FrameType | None) -> None:
            if os.getpid() != process:  # of a data loader: its parent sees to its end
                return
            if idist.get_world_size() > 1:
                if not hasattr(sys, "last_value"):  # which Python sets when it has said why the process ends
                    sentence = (
                        f"process {idist.get_rank()} ends, for this training was stopped; --resume True continues."
                    )
                    os.write(2, f"{signal.Signals(number).name}: {sentence}\n".encode())  # safe in a signal's handler
                raise SystemExit(128 + number)
            self.restore()
            self._signal = number
            engine.should_terminate = True  # what Engine.terminate does, which logs: not safe in a signal's handler

        self._signal = 0
        self._before = {number: signal.signal(number, stop) for number in SIGNALS}

    def restore(self) -> None:
        while self._before:
            number, handler = self._before.popitem()
            signal.signal(number, handler)

    def terminate(self, engine: Engine) -> None:
        if self._signal:
            logger.warning(
                "%s in epoch %d: the training was stopped; --resume True continues it.",
                signal.Signals(self._signal).name,
                engine.state.epoch,
            )
            engine.add_event_handler(Events.COMPLETED, self.exit)  # now it is the last of them

    def exit(self, engine: Engine) -> None:
        engine.logger.disabled = True  # it would report an error
        raise SystemExit(128 + self._signal)


def exit_on_termination() -> None:
    """Lets SIGTERM end a `python -m monai.bundle` process with code 143 by way of an exception.

    What was half-written is then cleaned up, as after Ctrl-C. Other programs keep their own ways.
    """
    if is_monai_command() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
