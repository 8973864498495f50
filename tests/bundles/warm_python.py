"""Real processes without the seconds that importing MONAI takes: an interpreter that has imported it forks them.

Run as a program it is that interpreter: it reads one request per line, ``fork`` or ``poll``, and answers each.
What it forks is a process of its own, with its own arguments, environment and folder, that can be killed, waited for,
and ends as any Python does. All children of one interpreter share its hash seed.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MONAI = ("monai.bundle", "monai.engines", "monai.handlers", "monai.networks.nets", "ignite.distributed")
BUNDLE_RUN = (*MONAI, "common.methods", "common.networks", "common.report", "torch.utils.tensorboard")


class Process:
    """A child of the warm interpreter, with the part of `subprocess.Popen` that tests need."""

    def __init__(self, python: WarmPython, pid: int, log: Path) -> None:
        self.python, self.pid, self.log = python, pid, log
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.python.ask("poll", pid=self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.send_signal(9)
                raise subprocess.TimeoutExpired(self.log.name, timeout, self.output())
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def output(self) -> str:
        """What it has written so far, to standard output and error."""
        return self.log.read_text(encoding="utf-8")


class WarmPython:
    """An interpreter that waits with modules imported.

    Args:
        executable: the interpreter.
        preload: modules that it imports before it forks for the first time.
        environment: of the interpreter; children are given one of their own.
    """

    def __init__(
        self,
        executable: str | os.PathLike[str] = sys.executable,
        preload: Sequence[str] = BUNDLE_RUN,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        own = dict(os.environ if environment is None else environment)
        own.pop("PYTHONPATH", None)  # of each child
        command = [os.fspath(executable), __file__, *preload]
        self.logs = tempfile.TemporaryDirectory(prefix="warm_python")
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)

    def ask(self, verb: str, **values: Any) -> Any:
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps({"verb": verb, **values}) + "\n")
        self.server.stdin.flush()
        return json.loads(self.server.stdout.readline())

    def start(self, *arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> Process:
        """Starts ``python *arguments``: ``-m module``, ``-c code`` or a file, each with its arguments.

        Args:
            arguments: of the interpreter.
            folder: where it works.
            environment: its variables, by default those of this process.
        """
        handle, log = tempfile.mkstemp(dir=self.logs.name)
        os.close(handle)
        variables = dict(os.environ if environment is None else environment)
        values = {"arguments": arguments, "folder": str(folder), "log": log, "environment": variables}
        return Process(self, self.ask("fork", **values), Path(log))

    def close(self) -> None:
        self.server.communicate()
        self.logs.cleanup()


def serve(preload: Sequence[str]) -> list[str]:
    """Forks a child for each request; in the child it returns the child's arguments, in the parent none at the end."""
    sys.path.pop(0)  # this file's folder
    for name in preload:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        if request["verb"] == "poll":
            pid, status = os.waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = os.fork()
            if not answer:
                os.close(answers.fileno())
                _become(request)
                return request["arguments"]
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    return []


def _become(request: dict[str, Any]) -> None:
    """Gives a new child its own streams, folder, variables and ``sys.path``, in the order of a fresh interpreter."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(request["log"], os.O_WRONLY)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    arguments = request["arguments"]
    sys.orig_argv = [sys.executable, *arguments]
    first = {"-m": os.getcwd(), "-c": ""}.get(arguments[0], os.path.dirname(arguments[0]))
    variable = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [first, *(os.path.abspath(path) for path in variable.split(os.pathsep) if path)]


if __name__ == "__main__":
    child = serve(sys.argv[1:])
    if child[:1] == ["-m"]:
        sys.argv = child[1:]
        runpy.run_module(child[1], run_name="__main__", alter_sys=True)
    elif child[:1] == ["-c"]:
        sys.argv = ["-c", *child[2:]]
        exec(compile(child[1], "<string>", "exec"), {"__name__": "__main__"})
    elif child:
        sys.argv = child
        runpy.run_path(child[0], run_name="__main__")
