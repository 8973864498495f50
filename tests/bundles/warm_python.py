"""Real processes without the seconds that importing MONAI takes: an interpreter that has imported it forks them.

What it forks is a process of its own, with its own arguments, environment, folder and streams, that can be killed,
waited for, and ends as any Python does. All children of one interpreter share its hash seed, and what it has imported.

As a program it is that interpreter (``--serve SOCKET MODULE …``), or stands in for ``python`` in a command that
another program starts (``--at SOCKET ARGUMENT …``).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MONAI = ("monai.bundle", "monai.engines", "monai.handlers", "monai.networks.nets", "ignite.distributed")
MONAI += ("torch._dynamo",)  # which the first optimizer of a process imports
REPOSITORY = Path(__file__).parents[2]
ROOMS = [path.relative_to(REPOSITORY).with_suffix("") for path in REPOSITORY.glob("common/*/**/[!_]*.py")]
BUNDLE_RUN = (*MONAI, *sorted(".".join(path.parts) for path in ROOMS), "torch.utils.tensorboard")


class Process:
    """A child of the warm interpreter, with the part of `subprocess.Popen` that tests need."""

    def __init__(self, connection: socket.socket, log: Path) -> None:
        self.answers, self.connection, self.log = connection.makefile(), connection, log
        self.pid = int(self.answers.readline())
        self.returncode: int | None = None

    def wait(self, timeout: float) -> int:
        """Its exit code; it is killed if it has none in so many seconds."""
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                self.send_signal(signal.SIGKILL)
                raise subprocess.TimeoutExpired(str(self.log), timeout, self.output())
            time.sleep(0.01)
        return code

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, or None while it runs."""
        if self.returncode is None:
            self.connection.setblocking(False)
            try:
                ended = bool(self.connection.recv(1, socket.MSG_PEEK))
            except BlockingIOError:
                ended = False
            finally:
                self.connection.setblocking(True)
            if ended:
                self.returncode = int(self.answers.readline())
                self.connection.close()
        return self.returncode

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
        self.folder = tempfile.TemporaryDirectory(prefix="warm_python")
        self.address = str(Path(self.folder.name) / "socket")
        own = dict(os.environ if environment is None else environment)
        own.pop("PYTHONPATH", None)  # is each child's own
        command = [os.fspath(executable), __file__, "--serve", self.address, *preload]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, env=own)
        assert self.server.stdout is not None and self.server.stdout.readline() == b"ready\n"

    def start(
        self,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        executable: str = "",
    ) -> Process:
        """Starts ``python *arguments``: ``-m module``, ``-c code`` or a file, each with its arguments.

        Args:
            arguments: of the interpreter.
            folder: where it works.
            environment: its variables, by default those of this process.
            executable: what it takes for its own interpreter.
        """
        handle, log = tempfile.mkstemp(dir=self.folder.name)
        values = {"environment": dict(os.environ if environment is None else environment), "executable": executable}
        with open(os.devnull, encoding="utf-8") as nothing:
            connection = _ask(self.address, arguments, str(folder), (nothing.fileno(), handle, handle), **values)
        os.close(handle)
        return Process(connection, Path(log))

    def write_command(self, path: Path) -> str:
        """Writes a program that stands in for ``python`` where another program starts it; returns its path.

        What torchrun starts as process r of a machine has its id in the file ``<path>.r``, see `stand_in`.
        """
        path.write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -S -E "{__file__}" --at "{self.address}" "$0" "$@"\n', encoding="utf-8"
        )
        path.chmod(0o755)
        return str(path)

    def close(self) -> None:
        self.server.terminate()
        self.server.communicate()
        self.folder.cleanup()


def _ask(
    address: str, arguments: Sequence[str], folder: str, streams: tuple[int, int, int], **values: Any
) -> socket.socket:
    """A connection that answers with a line for the new process's id, and one for its exit code."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request = json.dumps({"arguments": arguments, "folder": folder, **values}).encode()
    socket.send_fds(connection, [len(request).to_bytes(4)], streams)
    connection.sendall(request)
    return connection


def stand_in(address: str, path: str, arguments: Sequence[str]) -> int:
    """Runs a command in the warm interpreter with this process's streams, and ends as it ends.

    Args:
        address: of the interpreter.
        path: of the program that stands in; under torchrun the id of the command's process is written beside it.
        arguments: of the command.
    """
    connection = _ask(address, arguments, os.getcwd(), (0, 1, 2), environment=dict(os.environ), executable="")
    answers = connection.makefile()
    pid = int(answers.readline())
    if rank := os.environ.get("LOCAL_RANK"):
        Path(f"{path}.{rank}").write_text(str(pid), encoding="utf-8")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    code = int(answers.readline())
    return code if code >= 0 else 128 - code


def serve(address: str, preload: Sequence[str]) -> list[str]:
    """Forks a child for each request; returns its arguments in the child, and never in the parent."""
    sys.path.pop(0)  # this file's folder
    for name in preload:
        importlib.import_module(name)
    gc.freeze()  # no child collects what MONAI is made of: that takes each of them 1.5 s at its end
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    signal.signal(signal.SIGTERM, lambda *_: _end())
    os.write(1, b"ready\n")
    while True:
        connection, _ = listener.accept()
        if not os.fork():
            listener.close()
            return _start(connection)
        connection.close()


def _end() -> None:
    """Ends the server when its children have, so that their time counts as its own."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        os._exit(0)


def _start(connection: socket.socket) -> list[str]:
    """Becomes the child of one request, and in a process between it and the server says how it ends."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    request = json.loads(connection.makefile("rb").read(int.from_bytes(head)))
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    child = os.fork()
    if child:
        for stream in streams:
            os.close(stream)
        connection.sendall(f"{child}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        connection.sendall(f"{code}\n".encode())
        os._exit(0)
    connection.close()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    arguments = request["arguments"]
    sys.executable = request["executable"] or sys.executable
    sys.orig_argv = [sys.executable, *arguments]
    first = {"-m": os.getcwd(), "-c": ""}.get(arguments[0], os.path.dirname(arguments[0]))
    variable = os.environ.get("PYTHONPATH", "")
    sys.path[:0] = [first, *(os.path.abspath(path) for path in variable.split(os.pathsep) if path)]
    return arguments


if __name__ == "__main__":
    if sys.argv[1] == "--at":
        sys.exit(stand_in(*sys.argv[2:4], sys.argv[4:]))
    child = serve(sys.argv[2], sys.argv[3:])
    if child[0] == "-m":
        sys.argv = child[1:]
        runpy.run_module(child[1], run_name="__main__", alter_sys=True)
    elif child[0] == "-c":
        sys.argv = ["-c", *child[2:]]
        exec(compile(child[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = child
        runpy.run_path(child[0], run_name="__main__")
