"""Checkpoints: written whole after every epoch, resumed bit for bit, refused in one sentence when they do not fit."""

from __future__ import annotations

import json
import logging
import os
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.engines.workflow import Workflow

from common.errors import InputError, first_line
from common.io.files import whole_file, writing
from common.workflow.calibration import TEMPERATURE_FILE
from common.workflow.distributed import done_by_all, done_by_first
from common.workflow.engine_lock import lock_while_running
from common.workflow.interruption import Interruption
from common.workflow.monai_internals import running_parser
from common.workflow.overrides import as_bool
from common.workflow.run_definition import differences, training_definition

logger = logging.getLogger(__name__)

STATE_FILE = "checkpoint.pt"
WEIGHTS_FILE = "model.pt"


def read_state(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The dictionary in a checkpoint file, on the CPU. Only tensors and plain values are loaded, never code.

    Args:
        path: file that `torch.save` wrote.

    Returns:
        State by name.

    Raises:
        InputError: the file is missing, truncated, or not a checkpoint.
    """
    if not Path(path).is_file():
        where = (
            "" if Path(path).is_absolute() else f" in {Path.cwd()} (the bundle's folder, or else give --bundle_root)"
        )
        raise InputError(f"{path}: there is no such checkpoint{where}; train first or name another file.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(f"{path} is truncated or not a PyTorch checkpoint ({first_line(error)}).") from error
    if not isinstance(state, dict):
        raise InputError(f"{path} holds a {type(state).__name__}; expected a dictionary of states.")
    return state


def _write(state: Any, path: Path) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:  # torch says of a path only that it failed
        torch.save(state, file)


def load_into(name: str, target: Any, state: Any, path: str | os.PathLike[str]) -> None:
    try:
        target.load_state_dict(state)
    except Exception as error:
        detail = textwrap.shorten(str(error), 200, placeholder=" …").rstrip(". ")
        raise InputError(
            f"{path} does not fit the {name} of this configuration; use the bundle that it was trained with, and give "
            f"the overlays of its training ({detail})."
        ) from error


def loads_own_weights(parser: ConfigParser, folder: str | os.PathLike[str]) -> bool:
    """Whether a handler of the training loads ``model.pt`` of its folder first, as MONAI Label and other clients do.

    Args:
        parser: parser of the training's configuration.
        folder: folder of the checkpoint.

    Returns:
        True if ``train#handlers`` has a `monai.handlers.CheckpointLoader` of that file.

    Example:
        >>> loader = {"_target_": "CheckpointLoader", "load_path": "models/model.pt"}
        >>> loads_own_weights(ConfigParser({"train": {"handlers": [loader]}}), "models")
        True
    """
    path = os.path.realpath(Path(folder) / WEIGHTS_FILE)
    return any(
        str(handler.get("_target_", "")).rpartition(".")[2] == "CheckpointLoader"
        and os.path.realpath(str(handler.get("load_path"))) == path
        for handler in parser.get("train::handlers", [])
        if isinstance(handler, Mapping)
    )


def check_start(
    folder: str | os.PathLike[str], definition: Mapping[str, Any] | None, resume: bool, overwrite: bool
) -> bool:
    """Whether a training that is about to start continues what its folder holds.

    A new training into a folder that holds one needs ``overwrite``, and so does resuming with a configuration that
    defines another training. A checkpoint of epoch 0 without a ``model.pt`` holds nothing worth keeping.

    Args:
        folder: folder of the checkpoint; it may be missing.
        definition: of the training, see `common.workflow.run_definition.training_definition`; None if unknown, which
            fits any.
        resume: whether the training is to continue.
        overwrite: whether it may replace what it does not continue.

    Returns:
        True if it continues, False if it starts anew.

    Raises:
        InputError: it may do neither; the message names the keys that differ and both values.

    Example:
        >>> check_start("no_such_folder", None, resume=True, overwrite=False)
        False
    """
    path = Path(folder) / STATE_FILE
    if not path.is_file():
        if (Path(folder) / WEIGHTS_FILE).is_file() and not overwrite:
            raise InputError(
                f"{Path(folder) / WEIGHTS_FILE} holds the weights of another training: give another ckpt_dir, or "
                "replace them by --overwrite true."
            )
        return False
    if not resume and overwrite:
        return False
    state = read_state(path)
    if not resume:
        if state.get("epoch") == 0 and not (Path(folder) / WEIGHTS_FILE).is_file():
            return False
        raise InputError(
            f"{path} holds a training up to epoch {state.get('epoch')}: --resume True continues it, --overwrite true "
            "starts over in its place."
        )
    found = state.get("definition")
    if definition is None or found is None:
        return True
    other = differences(found, dict(definition))
    if not other:
        return True
    if overwrite:
        return False
    listed = "; ".join(f"{key} {_short(old)}, now {_short(new)}" for key, (old, new) in list(other.items())[:5])
    more = f"; and {len(other) - 5} more" if len(other) > 5 else ""
    raise InputError(
        f"{path} belongs to a training with another configuration ({listed}{more}): resume with the configuration of "
        "that training, give another ckpt_dir, or start over by --overwrite true."
    )


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


class TrainingCheckpoint:
    """Ignite handler: writes ``checkpoint.pt`` and ``model.pt`` after every epoch and resumes from the former.

    ``checkpoint.pt`` holds the state of every named object, the trainer's epoch and iteration, what other handlers keep
    in the trainer's state (Ignite's ``state_dict_user_keys``), the AMP scaler and the best metric so far. ``model.pt``
    holds the weights alone, of the last epoch, or of the best epoch if ``best_of`` is given (of the last, as long as
    nothing has been validated). Attach it after the handlers whose work it must contain (validation, tables,
    schedulers). Of several processes the first writes and reads; the files are those of a single process, which can
    continue the training of several and the other way round.

    A checkpoint knows the configuration of its training, see `common.workflow.run_definition.training_definition`:
    another training does not continue it. A training that starts anew writes a checkpoint of epoch 0 at once, so that
    whatever ends it, there is something of its own to resume from. SIGINT and SIGTERM end it in order, see
    `Interruption`; another run into the same folder is refused, see `lock_while_running`. A training whose handlers
    load the ``model.pt`` of the folder, see `loads_own_weights`, goes on from it and takes its place.

    Args:
        folder: folder in which the two files are written.
        network: network whose weights ``model.pt`` holds.
        objects: name → object with ``state_dict`` and ``load_state_dict`` (optimizer, loss, scheduler).
        resume: continue after the last whole epoch; without a checkpoint in ``folder`` training starts at epoch 1.
        best_of: the evaluator whose key metric selects ``model.pt``, or ``"trainer"``; None keeps the last epoch.
        overwrite: a training that does not continue the one in ``folder`` replaces it; its files are removed at the
            start. With ``resume``: continue where the configuration is the same, else start over.

    Raises:
        InputError: when running, if another process writes into ``folder``, if it cannot be written to, or if it holds
            another training and ``overwrite`` is false; when resuming, if the checkpoint is truncated or foreign.

    Example:
        >>> import tempfile
        >>> network, engine = torch.nn.Linear(1, 1), Engine(lambda engine, batch: None)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     TrainingCheckpoint(folder, network, {}).attach(engine)
        ...     _ = engine.run([0], max_epochs=2)
        ...     sorted(path.name for path in Path(folder).glob("*.pt")), read_state(f"{folder}/checkpoint.pt")["epoch"]
        (['checkpoint.pt', 'model.pt'], 2)
    """

    def __init__(
        self,
        folder: str,
        network: torch.nn.Module,
        objects: Mapping[str, Any],
        resume: bool = False,
        best_of: Workflow | str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.objects = {"network": network, **objects}
        self.resume, self.overwrite = as_bool("resume", resume), as_bool("overwrite", overwrite)
        self.best_of = best_of
        parser = running_parser()
        self.definition = None if parser is None else training_definition(parser.get())
        self.overwrite = self.overwrite or (parser is not None and loads_own_weights(parser, folder))

    def attach(self, engine: Engine) -> None:
        lock_while_running(engine, self.folder)
        Interruption().attach(engine)
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.EPOCH_COMPLETED, self.save)
        engine.add_event_handler(Events.COMPLETED, self.say_what_is_kept)

    def start(self, engine: Engine) -> None:
        with done_by_all():
            continues = done_by_first(lambda: check_start(self.folder, self.definition, self.resume, self.overwrite))
        if continues:
            self.load(engine)
            return
        if self.resume:
            logger.warning("%s: nothing to resume from, training starts at epoch 1.", self.folder / STATE_FILE)
        if idist.get_rank() == 0:
            with writing(self.folder):
                for name in (STATE_FILE, WEIGHTS_FILE, TEMPERATURE_FILE):
                    (self.folder / name).unlink(missing_ok=True)
        self.save(engine)  # so that there is something to resume from in the first epoch

    def _selector(self, engine: Engine) -> Engine | None:
        return engine if self.best_of == "trainer" else self.best_of

    def save(self, engine: Engine) -> None:
        if idist.get_rank() > 0:
            return
        selector = self._selector(engine)
        scaler = getattr(engine, "scaler", None)
        state: dict[str, Any] = {
            "definition": self.definition,
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "scaler": scaler.state_dict() if scaler is not None else None,
            "best": None if selector is None else [float(selector.state.best_metric), selector.state.best_metric_epoch],
            "handlers": {key: getattr(engine.state, key) for key in engine.state_dict_user_keys},
            "objects": {name: target.state_dict() for name, target in self.objects.items()},
        }
        best = selector is None or selector.state.best_metric_epoch in (
            -1,
            engine.state.epoch,
        )  # it counts the trainer's epochs; -1: nothing has been validated yet
        if best and engine.state.epoch > 0:
            _write(state["objects"]["network"], self.folder / WEIGHTS_FILE)
        _write(state, self.folder / STATE_FILE)

    def say_what_is_kept(self, engine: Engine) -> None:
        """Logs which epoch the weights are of, and where they lie.

        Args:
            engine: the trainer.
        """
        if idist.get_rank() > 0 or not (self.folder / WEIGHTS_FILE).is_file():
            return
        selector = self._selector(engine)
        kept = f"the last epoch, {engine.state.epoch}"
        if selector is not None and selector.state.best_metric_epoch > 0:
            name, best = getattr(selector.state, "key_metric_name", None), float(selector.state.best_metric)
            kept = f"epoch {selector.state.best_metric_epoch}, the best by {name or 'its metric'} ({best:.4g})"
        elif self.best_of is not None:
            kept += ", since no epoch was measured from which to choose the best"
        logger.info("%s holds the weights of %s.", (self.folder / WEIGHTS_FILE).absolute(), kept)

    def load(self, engine: Engine) -> None:
        path = self.folder / STATE_FILE
        state = done_by_first(lambda: read_state(path))
        wanted, found = set(self.objects), set(state.get("objects", {}))
        if wanted != found:
            raise InputError(f"{path} holds the states of {sorted(found)}; this configuration needs {sorted(wanted)}.")
        for name, target in self.objects.items():
            load_into(name, target, state["objects"][name], path)
        missing = {"definition", "epoch", "iteration", "scaler", "best", "handlers"} - state.keys()
        if missing:
            raise InputError(f"{path} is no checkpoint of a training: it lacks {', '.join(sorted(missing))}.")
        for key, value in state["handlers"].items():
            setattr(engine.state, key, value)
        engine.state.epoch, engine.state.iteration = state["epoch"], state["iteration"]
        if state["scaler"] is not None and getattr(engine, "scaler", None) is not None:
            engine.scaler.load_state_dict(state["scaler"])
        selector = self._selector(engine)
        if selector is not None and state["best"] is not None:
            selector.state.best_metric, selector.state.best_metric_epoch = state["best"]
        logger.info("Resumed after epoch %d from %s.", state["epoch"], path)
        if engine.state.max_epochs is not None and state["epoch"] >= engine.state.max_epochs:
            logger.warning(
                "The training has %d epochs already, so nothing is left of max_epochs %d; a larger one continues it.",
                state["epoch"],
                engine.state.max_epochs,
            )
