"""MONAI's ``--tracking mlflow``, made to fit engines that do not split their output into images."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

import ignite.distributed as idist
from monai.bundle import ConfigParser

from common.errors import InputError
from common.workflow.monai_internals import change_component, parsed_items
from common.workflow.run_record import CONFIGURATION_FILE

HANDLER = "MLFlowHandler"


def prepare_mlflow(parser: ConfigParser, run_id: str) -> None:
    """Mends the handlers that ``--tracking mlflow`` has added to a configuration; without them it does nothing.

    - Nothing is sent but what goes to the tracking server: MLflow's usage statistics are switched off, unless
      ``MLFLOW_DISABLE_TELEMETRY`` says otherwise.
    - The loss is read from the output of our trainers, where MONAI's default expects a list with an entry per image.
    - What the loss learns (``nu_tilde`` of `common.losses.TLoss`) is tracked, by its name.
    - The artifact of a training is its ``configuration.yaml``; MONAI's default finds none if ``output_dir`` is a plain
      path.
    - An evaluation is a run of its own that ends; MONAI's default leaves the ending to the trainer.
    - Of several processes the first tracks.

    Args:
        parser: parser of a running workflow, before its engines are built.
        run_id: name of the workflow's entry, such as ``training``.

    Raises:
        InputError: the extra ``tracking`` is not installed.
    """
    handlers = [id for id, config in parsed_items(parser).items() if _is_handler(config)]
    if not handlers:
        return
    if find_spec("mlflow") is None:
        raise InputError("--tracking mlflow needs packages that are not installed: pip install -e '.[tracking]'.")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for id in handlers:
        if idist.get_rank() > 0:
            change_component(parser, id, _disabled_=True)
        elif "output_transform" in parser[id]:
            artifacts = f"$@output_dir + '/{CONFIGURATION_FILE}'"
            followed = {"output_transform": "$lambda output: output['loss']", "state_attributes": ["learned"]}
            change_component(parser, id, artifacts=artifacts, **followed)
        elif "@train" not in str(parser.get(run_id)):
            change_component(parser, id, close_on_complete=True)


def _is_handler(config: Any) -> bool:
    return isinstance(config, dict) and config.get("_target_") == HANDLER
