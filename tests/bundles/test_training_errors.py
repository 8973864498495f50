"""A training that raises in the middle ends with its error and exit code 1, whatever its threads do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from warm_python import WarmPython

HANDLER = '''
"""A handler of a user, which fails in epoch 2."""


class Fails:
    def attach(self, engine):
        from ignite.engine import Events

        engine.add_event_handler(Events.ITERATION_COMPLETED, self.fail)

    def fail(self, engine):
        if engine.state.epoch == 2:
            raise RuntimeError("a fault in epoch 2")
'''
OVERLAY = "+train#handlers:\n- {_target_: failing_handler.Fails}\n"


def test_an_error_in_epoch_2_is_exit_code_1(
    bundle: Path, tiny: dict[str, Any], warm_python: WarmPython, tmp_path: Path
) -> None:
    (tmp_path / "failing_handler.py").write_text(HANDLER, encoding="utf-8")
    (tmp_path / "failing.yaml").write_text(OVERLAY, encoding="utf-8")
    places = {"dataset_dir#folder": tmp_path / "phantom", "output_dir": tmp_path, "ckpt_dir": tmp_path}
    files = str(["configs/train.yaml", str(tmp_path / "failing.yaml")])
    command = ["-m", "monai.bundle", "run", "training", "--config_file", files]
    overrides = {**tiny["train"], **places, "max_epochs": 3, "device": "cpu"}
    command += [text for key, value in overrides.items() for text in (f"--{key}", str(value))]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(tmp_path)}
    process = warm_python.start(*command, folder=bundle, environment=environment)
    assert process.wait(timeout=300) == 1, process.output()[-3000:]
    assert "RuntimeError: a fault in epoch 2" in process.output() and "terminate called" not in process.output()
    assert (tmp_path / "checkpoint.pt").is_file() and not list(tmp_path.rglob(".*"))
