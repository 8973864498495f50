"""Runs side by side: how many threads each gets, and that all end with the command that started them."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from common.command import available_cores, threads_of_each
from common.demo import demo
from common.errors import InputError


@pytest.mark.parametrize(
    ("said", "runs", "threads"),
    [
        (None, 1, 6),
        (None, 4, 1),
        (None, 9, 1),
        ("2", 1, 2),
        ("2", 4, 1),
        ("16", 2, 3),
        ("1,4", 1, 1),  # of nested regions the outermost
        ("0", 1, 6),
        ("all", 1, 6),
    ],
)
def test_threads(monkeypatch: pytest.MonkeyPatch, said: str | None, runs: int, threads: int) -> None:
    """Not more than a cluster gives, nor than the user says: threads that share a core wait for each other."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)), raising=False)
    if said is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads_of_each(runs) == threads and available_cores() == 6


def test_a_demo_that_is_ended_ends_its_trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped = Event(), Event()

    def training(*_: Any, **__: Any) -> None:
        begun.set()
        stopped.wait(20)
        raise InputError("training failed")

    def ended(*_: Any, **__: Any) -> None:
        assert begun.wait(20)
        raise SystemExit(143)  # what SIGTERM becomes in a command

    monkeypatch.setattr("common.demo.run_bundle", training)
    monkeypatch.setattr("common.demo.wait", ended)
    monkeypatch.setattr("common.demo.stop_runs", stopped.set)
    with pytest.raises(SystemExit):
        demo("t_loss", output=str(tmp_path))
    assert stopped.is_set()
