"""How many threads a run gets of which several go side by side."""

from __future__ import annotations

import os

import pytest

from common.run_bundle import available_cores, threads_of_each


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
