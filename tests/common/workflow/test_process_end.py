"""Ends of processes: threads of pools at exit, a parent that is gone, a fellow process that is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

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
CHILD = """
import time
from common.workflow.process_end import end_with_parent

end_with_parent(0.02)
print("ready", flush=True)
time.sleep(60)
"""
PARENTS = {
    "torchrun": """
import os, subprocess, sys
subprocess.run([sys.executable, "child.py"], env=os.environ | {"TORCHELASTIC_RUN_ID": "1"})
""",
    "a command that runs bundles": """
import os, subprocess, sys
from common.workflow.process_end import CALLER
subprocess.run([sys.executable, "child.py"], env=os.environ | {CALLER: str(os.getpid())})
""",
}


def test_threads_of_a_pool_finish_before_the_interpreter() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(call="wait_for_pools_at_exit()")], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "whole\n") and "RuntimeError: unreadable" in done.stderr
    done = subprocess.run([sys.executable, "-c", FAILS.format(call="")], capture_output=True, text=True)
    assert done.stdout == "", "Python itself waits for pools now: wait_for_pools_at_exit is of no use any more"


@pytest.mark.parametrize("parent", PARENTS)
def test_an_orphan_ends(parent: str, tmp_path: Path) -> None:
    """When its parent is killed, the pipe that it alone still writes to ends."""
    (tmp_path / "child.py").write_text(CHILD, encoding="utf-8")
    (tmp_path / "parent.py").write_text(PARENTS[parent], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "parent.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.kill()
        began = time.monotonic()
        assert process.stdout.read() == ""
    assert time.monotonic() - began < 30


def test_a_run_that_notes_sigterm_ends_in_its_own_time(tmp_path: Path) -> None:
    """As a training does, which completes its iteration or validation: it is not killed meanwhile."""
    noting = CHILD.replace("time.sleep(60)", "time.sleep(1)\nprint('completed', flush=True)")
    noting = f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: None)\n{noting}"
    (tmp_path / "child.py").write_text(
        noting.replace("end_with_parent(0.02)", "end_with_parent(0.01)"), encoding="utf-8"
    )
    (tmp_path / "parent.py").write_text(PARENTS["a command that runs bundles"], encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    command = [sys.executable, "parent.py"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.kill()
        assert process.stdout.read() == "completed\n"


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
