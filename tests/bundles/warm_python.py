"""Real processes without the seconds that importing MONAI takes: an interpreter that has imported it forks them.

What it forks is a process of its own, with its own arguments, environment, folder and streams, that can be killed,
waited for, and ends as any Python does, but for the modules: none is taken apart, which takes longer than most of what
tests do. All children of one interpreter share its hash seed, and what it has imported.

As a program it is that interpreter (``--serve SOCKET MODULE …``), or stands in for ``python`` in a command that
another program starts (``--at SOCKET ARGUMENT …``).
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MONAI = ("monai.bundle", "monai.engines", "monai.handlers", "monai.networks.nets", "ignite.distributed")
MONAI += ("torch._dynamo",)  # which the first optimizer of a process imports
REPOSITORY = Path(__file__).parents[2]
ROOMS = [path.relative_to(REPOSITORY).with_suffix("") for path in REPOSITORY.glob("common/*/**/[!_]*.py")]
BUNDLE_RUN = (*sorted(".".join(path.parts) for path in ROOMS), "torch.utils.tensorboard")
# What Fire, and each training, looks up in all modules and packages: both keep what they have found
BUNDLE_RUN += ("inspect:stack", "common.workflow.run_record:environment")


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
    """Starts processes at the interpreter that listens at an address.

    Args:
        address: of its socket, which it may not have opened yet.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.folder = tempfile.TemporaryDirectory(prefix="warm_python")  # of what its processes print

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
        deadline = time.monotonic() + 300
        while not os.path.exists(self.address):
            self.check()
            assert time.monotonic() < deadline, f"no interpreter listens at {self.address}"
            time.sleep(0.05)
        handle, log = tempfile.mkstemp(dir=self.folder.name)
        values = {"environment": dict(os.environ if environment is None else environment), "executable": executable}
        with open(os.devnull, encoding="utf-8") as nothing:
            connection = _ask(self.address, arguments, str(folder), (nothing.fileno(), handle, handle), **values)
        os.close(handle)
        return Process(connection, Path(log))

    def check(self) -> None:
        """Fails where it is known that nobody will listen."""

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
        self.folder.cleanup()


class NewWarmPython(WarmPython):
    """An interpreter that imports modules, then waits.

    Args:
        preload: what it imports before it forks for the first time; a function (``module:name``) is also called.
        executable: the interpreter.
        environment: of the interpreter; children are given one of their own.
        parent: a warm interpreter that forks this one, which then need not import what that one has.
    """

    def __init__(
        self,
        preload: Sequence[str] = MONAI,
        executable: str | os.PathLike[str] = sys.executable,
        environment: Mapping[str, str] | None = None,
        parent: WarmPython | None = None,
    ) -> None:
        self.place = tempfile.TemporaryDirectory(prefix="warm_python")
        super().__init__(str(Path(self.place.name) / "socket"))
        own = dict(os.environ if environment is None else environment)
        own.pop("PYTHONPATH", None)  # is each child's own
        command = [__file__, "--serve", self.address, *preload]
        self.server: subprocess.Popen[bytes] | Process
        if parent is None:
            self.server = subprocess.Popen([os.fspath(executable), *command], env=own)
        else:
            self.server = parent.start(*command, folder=Path.cwd(), environment=own)

    def check(self) -> None:
        assert self.server.poll() is None, self.server.output() if isinstance(self.server, Process) else "it has ended"

    def close(self) -> None:
        self.server.send_signal(signal.SIGTERM)
        self.server.wait(60)
        self.place.cleanup()
        super().close()


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
    sys.path.remove(str(Path(__file__).parent))
    for name in preload:
        found = pkgutil.resolve_name(name)
        if ":" in name:
            found()
    gc.freeze()  # no child collects what MONAI is made of: that takes each of them 1.5 s at its end
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{address}.new")
    listener.listen()
    os.rename(f"{address}.new", address)  # who finds it is heard
    signal.signal(signal.SIGTERM, lambda *_: _end())
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


def run(arguments: list[str]) -> None:
    """Runs what ``python *arguments`` runs."""
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[0] == "-c":
        sys.argv = ["-c", *arguments[2:]]
        exec(compile(arguments[1], "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def end(code: object) -> None:
    """Ends the process with an exit code as Python would, without taking the modules apart."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    if code is None or isinstance(code, int):
        os._exit((code or 0) & 0xFF)
    sys.exit(code)  # type: ignore[arg-type]  # a text, for the standard error


if __name__ == "__main__":
    if sys.argv[1] == "--at":
        sys.exit(stand_in(*sys.argv[2:4], sys.argv[4:]))
    try:
        run(serve(sys.argv[2], sys.argv[3:]))
    except SystemExit as stopped:
        end(stopped.code)
    end(0)
