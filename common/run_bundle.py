"""`python -m monai.bundle run` as a process of its own, for commands that run several."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from common.errors import InputError
from common.workflow.process_end import CALLER

COMMON = Path(__file__).parents[1]  # the folder that holds this copy of `common`
POLLED = 3.0  # seconds between two looks at the logs
EPOCH = re.compile(r"epoch \d+/\d+")

RUNNING: set[subprocess.Popen[bytes]] = set()  # of all threads


def stop_runs() -> None:
    """Ends what `run_bundle` runs in other threads, by SIGTERM: a training keeps its last whole epoch."""
    for process in list(RUNNING):
        process.terminate()


def run_bundle(
    folder: Path, verb: str, configs: Sequence[str | Path], log: Path, threads: int, **overrides: object
) -> None:
    """Runs a verb of a bundle, its output in a log file. It ends with this process, even if that is killed.

    Runs side by side must share the cores: threads that outnumber them wait for each other most of the time.

    Args:
        folder: in which it works, to which relative paths belong; of stems the bundle's.
        verb: training, evaluating, inferring, …
        configs: paths of its configuration files, or their stems, ``train`` and overlays.
        log: of what it prints; the folder is made.
        threads: for the processor, at least 1.
        **overrides: of the configuration, written as Python writes them.

    Raises:
        InputError: the run failed; the message ends with the last lines of its log.
    """
    files = [str(name) if isinstance(name, Path) else f"configs/{name}.yaml" for name in configs]
    command = [sys.executable, "-m", "monai.bundle", "run", verb, "--config_file", str(files)]
    command += [text for key, value in overrides.items() for text in (f"--{key}", str(value))]
    log.parent.mkdir(parents=True, exist_ok=True)
    paths = [str(COMMON), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(paths)}
    environment |= {CALLER: str(os.getpid())}
    with (
        log.open("w", encoding="utf-8") as file,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT) as process,
    ):
        RUNNING.add(process)
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
        finally:
            RUNNING.discard(process)
    if code:
        tail = "\n".join(log.read_text(encoding="utf-8").splitlines()[-6:])
        raise InputError(f"{verb} failed, see {log}:\n{tail}")


def stage_of(run: Path) -> str:
    """How far a training with its evaluation is.

    Args:
        run: folder of its logs.

    Returns:
        Such as ``"epoch 3/20"``, of the last line that says so.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     before = stage_of(Path(folder))
        ...     _ = Path(folder, "training.log").write_text("epoch 1/20  loss 3\\nepoch 2/20", encoding="utf-8")
        ...     before, stage_of(Path(folder))
        ('starting', 'epoch 2/20')
    """
    training, evaluating = run / "training.log", run / "evaluating.log"
    if not training.is_file():
        return "starting"
    if evaluating.is_file() and evaluating.stat().st_mtime_ns > training.stat().st_mtime_ns:
        return "evaluating"
    epochs = EPOCH.findall(training.read_text(encoding="utf-8", errors="replace"))
    return epochs[-1] if epochs else "starting"
