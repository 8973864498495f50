"""Checkpoints: written whole after every epoch, resumed bit for bit, refused in one sentence when they do not fit."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.engines.workflow import Workflow

from common.errors import InputError
from common.io.files import whole_file
from common.workflow.claim import claim_while_running
from common.workflow.distributed import from_first
from common.workflow.interruption import Interruption
from common.workflow.overrides import as_bool

logger = logging.getLogger(__name__)

STATE_FILE = "checkpoint.pt"
WEIGHTS_FILE = "model.pt"


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The dictionary in a checkpoint file, on the CPU. Only tensors and plain values are loaded, never code.

    Raises:
        InputError: the file is missing, truncated, or not a checkpoint.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: there is no such checkpoint; train first or name another file.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{path} is truncated or not a PyTorch checkpoint ({_first_line(error)}).") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__}; expected a dictionary of states.")
    return state


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(". ")


def _write(state: Any, path: Path) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:  # torch says of a path only that it failed
        torch.save(state, file)


def _load_into(name: str, target: Any, state: Any, path: str | os.PathLike[str]) -> None:
    try:
        target.load_state_dict(state)
    except Exception as error:
        detail = " ".join(str(error).split())[:200].rstrip(". ")
        raise InputError(f"{path} does not fit the {name} of this configuration: {detail}.") from error


def load_weights(network: torch.nn.Module, path: str | os.PathLike[str]) -> torch.nn.Module:
    """Loads ``model.pt`` (or the network inside a ``checkpoint.pt``) into ``network`` and returns it.

    Raises:
        InputError: the file is missing, truncated, foreign, or of another architecture.
    """
    state = read_state(path)
    _load_into("network", network, state.get("network", state), path)
    return network


class TrainingCheckpoint:
    """Ignite handler: writes ``checkpoint.pt`` and ``model.pt`` after every epoch and resumes from the former.

    ``checkpoint.pt`` holds the state of every named object, the trainer's epoch and iteration, what other handlers keep
    in the trainer's state (Ignite's ``state_dict_user_keys``), the AMP scaler and the best metric so far. ``model.pt``
    holds the weights alone, of the last epoch, or of the best epoch if ``best_of`` is given. Attach it after the
    handlers whose work it must contain (validation, tables, schedulers). Of several processes the first writes and
    reads; the files are those of a single process, which can continue the training of several and the other way round.

    Where there is no ``checkpoint.pt`` one of epoch 0 is written at the start, so that whatever ends a training, there
    is something to resume from. SIGINT and SIGTERM end it in order, see `Interruption`; another run into the same
    folder is refused, see `claim_while_running`.

    Args:
        folder: where the two files go.
        network: whose weights ``model.pt`` holds.
        objects: name → object with ``state_dict`` and ``load_state_dict`` (optimizer, loss, scheduler).
        resume: continue after the last whole epoch; without a checkpoint in ``folder`` training starts at epoch 1.
        best_of: the evaluator whose key metric selects ``model.pt``, or ``"trainer"``; None keeps the last epoch.

    Raises:
        InputError: when running, if another process writes into ``folder`` or it cannot be written to; when resuming,
            if the checkpoint is truncated, foreign, or of another configuration.
    """

    def __init__(
        self,
        folder: str,
        network: torch.nn.Module,
        objects: Mapping[str, Any],
        resume: bool = False,
        best_of: Workflow | str | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.objects = {"network": network, **objects}
        self.resume = as_bool("resume", resume)
        self.best_of = best_of

    def attach(self, engine: Engine) -> None:
        claim_while_running(engine, self.folder)
        Interruption().attach(engine)
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)

    def start(self, engine: Engine) -> None:
        self.load(engine)
        if not (self.folder / STATE_FILE).exists():  # so that there is something to resume from in the first epoch
            self.save(engine)

    def _judge(self, engine: Engine) -> Engine | None:
        return engine if self.best_of == "trainer" else self.best_of

    def save(self, engine: Engine) -> None:
        if idist.get_rank() > 0:
            return
        judge = self._judge(engine)
        scaler = getattr(engine, "scaler", None)
        state: dict[str, Any] = {
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "scaler": scaler.state_dict() if scaler is not None else None,
            "best": None if judge is None else [float(judge.state.best_metric), judge.state.best_metric_epoch],
            "handlers": {key: getattr(engine.state, key) for key in engine.state_dict_user_keys},
            "objects": {name: target.state_dict() for name, target in self.objects.items()},
        }
        best = judge is None or judge.state.best_metric_epoch == engine.state.epoch  # it counts the trainer's epochs
        if best and engine.state.epoch > 0:
            _write(state["objects"]["network"], self.folder / WEIGHTS_FILE)
        _write(state, self.folder / STATE_FILE)

    def load(self, engine: Engine) -> None:
        path = self.folder / STATE_FILE
        if not self.resume:
            return
        state = from_first(read_state(path) if idist.get_rank() == 0 and path.exists() else None)
        if state is None:
            logger.warning("%s: nothing to resume from, training starts at epoch 1.", path)
            return
        wanted, found = set(self.objects), set(state.get("objects", {}))
        if wanted != found:
            raise InputError(f"{path} holds the states of {sorted(found)}; this configuration needs {sorted(wanted)}.")
        for name, target in self.objects.items():
            _load_into(name, target, state["objects"][name], path)
        missing = {"epoch", "iteration", "scaler", "best", "handlers"} - state.keys()
        if missing:
            raise InputError(f"{path} is no checkpoint of a training: it lacks {', '.join(sorted(missing))}.")
        for key, value in state["handlers"].items():
            setattr(engine.state, key, value)
        engine.state.epoch, engine.state.iteration = state["epoch"], state["iteration"]
        if state["scaler"] is not None and getattr(engine, "scaler", None) is not None:
            engine.scaler.load_state_dict(state["scaler"])
        judge = self._judge(engine)
        if judge is not None and state["best"] is not None:
            judge.state.best_metric, judge.state.best_metric_epoch = state["best"]
        logger.info("Resumed after epoch %d from %s.", state["epoch"], path)
