"""`python -m monai.bundle run` as a process of its own, for commands that run several."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError


def run_bundle(bundle: Path, verb: str, configs: Sequence[str], log: Path, threads: int, **overrides: object) -> None:
    """Runs a verb of a bundle in the bundle's folder, its output in a log file.

    Runs side by side must share the cores: threads that outnumber them wait for each other most of the time.

    Args:
        bundle: its folder.
        verb: training, evaluating, inferring, …
        configs: stems of its configuration files, ``train`` and overlays.
        log: of what it prints; the folder is made.
        threads: for the processor, at least 1.
        **overrides: of the configuration, written as Python writes them.

    Raises:
        InputError: the run failed; the message ends with the last lines of its log.
    """
    files = [f"configs/{name}.yaml" for name in configs]
    command = [sys.executable, "-m", "monai.bundle", "run", verb, "--config_file", str(files)]
    command += [text for key, value in overrides.items() for text in (f"--{key}", str(value))]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        result = subprocess.run(
            command, cwd=bundle, env=environment, stdout=file, stderr=subprocess.STDOUT, check=False
        )
    if result.returncode:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-6:])
        raise InputError(f"{verb} of {bundle.name} failed, see {log}:\n{tail}")
