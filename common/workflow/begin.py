"""What every verb of a bundle checks before anything else: the overrides, the device and the folder of the results."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping

import torch
from monai.bundle import ConfigParser, ConfigWorkflow

from common.datasets.given import whole_number
from common.errors import InputError, show_input_errors
from common.io.files import check_writable
from common.workflow.checkpoint import check_start, loads_own_weights
from common.workflow.compilation import check_compilation, explain_compilation
from common.workflow.distributed import done_by_all, done_by_first
from common.workflow.given_items import take_given_items
from common.workflow.interruption import exit_on_termination
from common.workflow.mlflow_tracking import prepare_mlflow
from common.workflow.monai_internals import is_monai_command, running_workflow
from common.workflow.one_version import require_one_version
from common.workflow.override_checks import check_overrides
from common.workflow.overrides import as_bool
from common.workflow.process_end import end_with_parent, explain_lost_process, wait_for_pools_at_exit
from common.workflow.run_definition import training_definition

__all__ = ["begin_run"]

logger = logging.getLogger(__name__)

BEGIN = {"_target_": "common.workflow.begin_run"}  # the first entry of a verb

# what MONAI and PyTorch refuse late, each in words of its own: whole numbers with the smallest, others as a rule
LEAST = {"max_epochs": 1, "iterations_per_epoch": 1, "accumulate": 1, "val_interval": 1, "seed": 0, "num_workers": 0}
LEAST |= {"pyramid_channels": 1, "hidden": 1, "proposals": 1, "anchor_samples": 1, "region_samples": 1, "mask_cells": 1}
LEAST |= {"warmup_epochs": 0}
PLACES = {
    "dataset_dir": "a folder or a datalist",
    "output_dir": "a folder for the results",
    "ckpt_dir": "the folder of a training",
}
RANGES: dict[str, tuple[str, Callable[[float], bool]]] = {
    "learning_rate": ("a finite number above 0", lambda value: 0 < value < math.inf),
    "last_learning_rate": ("a finite number from 0 up", lambda value: 0 <= value < math.inf),
    "confusion_learning_rate": ("a finite number from 0 up", lambda value: 0 <= value < math.inf),
    "trace_weight": ("a finite number from 0 up", lambda value: 0 <= value < math.inf),
    "weight_decay": ("a finite number from 0 up", lambda value: 0 <= value < math.inf),
    "augmentation_probability": ("a probability in [0, 1]", lambda value: 0 <= value <= 1),
    "window_growth": ("a number of at least 1", lambda value: 1 <= value < math.inf),
    "average_momentum": ("a number above 0 and below 1", lambda value: 0 < value < 1),
}


def begin_run() -> None:
    """First entry of every verb of a configuration: refuses in one sentence what MONAI would silently ignore.

    An override (`--key value`, an ``args_file``, a keyword of `ConfigWorkflow`) that no configuration file defines is
    accepted only where it has an effect: if something refers to it, if it is an argument of the component that it is
    given to, or if it is a mapping, a new choice in a menu such as ``losses``. Values must be of the kind that the
    configuration has, see `common.workflow.override_checks.check_overrides`; numbers of steps, rates and the seed must
    be in their ranges. ``device`` must exist, and have ``amp`` if a training asks for it; ``output_dir`` and the
    ``ckpt_dir`` of a training must be folders that can be written to, and ``ckpt_dir`` must not hold another training,
    see `common.workflow.TrainingCheckpoint`. A network that is to be compiled must be one that can be,
    `check_compilation`. What ``--tracking mlflow`` needs is installed and made to fit, see
    `common.workflow.mlflow_tracking.prepare_mlflow`. Lists of cases that a program has put into the configuration take
    the place of the data set, see `common.workflow.given_items.take_given_items`.

    In a command ``python -m monai.bundle`` it also lets an `InputError` be shown as one sentence, and SIGTERM end the
    process in order. In any other program it changes nothing of the kind.

    Raises:
        InputError: names the key, and the nearest one where a key is mistyped.
    """
    if is_monai_command():
        show_input_errors(lambda error: explain_lost_process(error) or explain_compilation(error))
        exit_on_termination()
        wait_for_pools_at_exit()
        end_with_parent()
    require_one_version()
    workflow = running_workflow()
    if workflow is None:  # not run by MONAI, so nothing was overridden
        return
    parser = workflow.parser
    with done_by_all():
        check_overrides(workflow)
    _check_numbers(parser)
    _check_places(parser)
    take_given_items(parser)
    prepare_mlflow(parser, workflow.run_id)
    _check_device(parser)
    network = parser.get("network_def")
    if parser.get("compile") is True and isinstance(network, Mapping):
        check_compilation(str(network.get("_target_")))
    if parser.get("amp") is True:
        training, device = _is_training(workflow), str(parser.get_parsed_content("device"))
        check_precision(device, training, training and parser.get_parsed_content("train#inferer#amp"))
    with done_by_all():  # of several processes the first alone writes
        done_by_first(lambda: _check_folders(workflow))


def require_verb() -> None:
    """Refuses to build a section of the configuration, which MONAI's ``run train`` does and then ends as if it had run.

    Raises:
        InputError: the run that goes on is that of a section; the message names the verbs.
    """
    workflow = running_workflow()
    if workflow is None:
        return
    values = workflow.parser.get()
    section = values.get(workflow.run_id)
    if not isinstance(section, Mapping) or "_target_" in section:
        return
    if is_monai_command():
        show_input_errors()
    verbs = [name for name, value in values.items() if isinstance(value, list) and value[:1] == [BEGIN]]
    raise InputError(
        f"run {workflow.run_id}: expected {' or '.join(name for name in verbs if name != 'run')}, got a section of the "
        "configuration, in which nothing is run."
    )


def _check_numbers(parser: ConfigParser) -> None:
    """Raises if a number is out of its range."""
    values = parser.get()  # a plain mapping: for a name that is not in it, the parser itself would search similar ones
    given = {name: value for name, value in values.items() if value is not None and not _is_reference(value)}
    for name in LEAST.keys() & given.keys():
        whole_number(name, given[name], LEAST[name])
    for name in RANGES.keys() & given.keys():
        expected, right = RANGES[name]
        if not isinstance(given[name], int | float) or not right(given[name]):
            raise InputError(f"{name}: expected {expected}, got {given[name]!r}.")


def _is_reference(value: object) -> bool:
    """Whether a value is found out later: ``@key`` or ``$expression``."""
    return isinstance(value, str) and value.startswith(("@", "$"))


def _check_places(parser: ConfigParser) -> None:
    """Raises if a place is empty text, which would be the folder in which the command was given, or nothing."""
    values = parser.get()
    for name, expected in PLACES.items():
        value = values.get(name, name)
        if value is None or (isinstance(value, str) and not value.strip()):
            raise InputError(f"{name}: expected {expected}, got {value!r}.")


def _check_folders(workflow: ConfigWorkflow) -> None:
    parser = workflow.parser
    if "output_dir" in parser:
        check_writable("output_dir", parser.get_parsed_content("output_dir"))
    if _is_training(workflow):
        folder = parser.get_parsed_content("ckpt_dir")
        if not isinstance(folder, str | os.PathLike):
            raise InputError(f"ckpt_dir: expected one folder, into which is trained, got {folder!r}.")
        check_writable("ckpt_dir", folder)
        resume, overwrite = (as_bool(key, parser.get(key, False)) for key in ("resume", "overwrite"))
        overwrite = overwrite or loads_own_weights(parser, folder)
        check_start(folder, training_definition(dict(parser.get())), resume, overwrite)


def _is_training(workflow: ConfigWorkflow) -> bool:
    return "ckpt_dir" in workflow.parser and "train#trainer" in str(workflow.parser.get(workflow.run_id)).replace(
        "::", "#"
    )


def _check_device(parser: ConfigParser) -> None:
    device = parser.get("device")
    if not isinstance(device, str | int) or str(device).startswith(("$", "@")):
        return
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        if "device string" in reason:  # PyTorch lists all kinds that it was ever built for
            reason = "expected cpu, cuda, cuda:1 or mps"
        raise InputError(f"--device: {device!r} cannot be used here ({reason}).") from error


def check_precision(device: str, training: bool, network_alone: bool = True) -> None:
    """Refuses mixed precision where a training has none, and says where it takes longer than without.

    Args:
        device: name of the device.
        training: whether a training is to start.
        network_alone: whether that training can compute its network in bfloat16, and its loss not; a Mask R-CNN, whose
            losses are part of it, cannot.

    Raises:
        InputError: a training on another device than CUDA or, where ``network_alone``, a CPU.
    """
    if training and not device.startswith(("cuda", "cpu") if network_alone else "cuda"):
        which, where = ("", "CUDA or a CPU") if network_alone else (" of this network", "CUDA alone")
        raise InputError(f"--amp: a training{which} has mixed precision on {where}, got the device {device}.")
    if device.startswith("cpu") and not any(
        has for name, has in torch.cpu.get_capabilities().items() if "bf16" in name
    ):
        logger.warning("amp: this processor does not compute in bfloat16, which takes much longer than without --amp.")
