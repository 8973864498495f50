"""Ends of processes: threads of pools at exit, a parent that is gone, a fellow process that is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from common.workflow.process_end import explain_lost_process

# What CacheDataset does when a case cannot be read: the pool's other thread is in C++ when the interpreter ends.
FAILS = """
import time
from multiprocessing.pool import ThreadPool
from common.workflow.process_end import wait_for_pools_at_exit
{call}
done = []
def read(case):
    if case == 0:
        raise RuntimeError("unreadable")
    time.sleep(0.5)
    print("whole", flush=True)
with ThreadPool(1) as pool:
    list(pool.imap(read, range(2)))
"""
PARENT = """
import os, subprocess, sys
code = "import time\\nfrom common.workflow.process_end import end_with_parent\\nend_with_parent(0.02)\\n"
child = subprocess.Popen([sys.executable, "-c", code + "print('ready', flush=True)\\ntime.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""


def test_threads_of_a_pool_finish_before_the_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(call="wait_for_pools_at_exit()")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "whole\n") and "RuntimeError: unreadable" in done.stderr
    done = subprocess.run([sys.executable, "-c", FAILS.format(call="")], capture_output=True, text=True)
    assert done.stdout == "", "Python itself waits for pools now: wait_for_pools_at_exit is of no use any more"


def test_an_orphan_ends() -> None:
    environment = os.environ | {"TORCHELASTIC_RUN_ID": "1"}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert parent.stdout.readline() == "ready\n"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while _runs(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_lost_process_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("[pair.cc:534] Connection closed by peer [127.0.0.1]:1234\nmore")
    assert explain_lost_process(error) is None  # a process of its own
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    wrapped = RuntimeError("Failed to evaluate")  # as MONAI does
    wrapped.__cause__ = error
    sentence = explain_lost_process(wrapped)
    assert sentence is not None and sentence.startswith("process 1 ends") and "\n" not in sentence
    assert explain_lost_process(RuntimeError("a fault of ours")) is None
