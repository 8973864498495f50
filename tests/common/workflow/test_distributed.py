"""What each of several processes loads and draws, and the step that they make together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from ignite.engine import Engine
from monai.data import Dataset
from monai.transforms import RandomizableTransform
from torch.utils.data import RandomSampler

from common.errors import InputError
from common.phantoms.folder import write_phantom_once
from common.workflow import (
    EpochSeed,
    FitTemperature,
    PredictionSummary,
    distributed,
    share_batches,
    share_cases,
)
from common.workflow.distributed import share

NAMES = ("get_rank", "get_world_size", "all_reduce", "broadcast")


class Processes:
    """Several ranks as threads, which exchange what `ignite.distributed` would."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.here = threading.local()
        self.slots: list[Any] = [None] * count
        self.barrier = threading.Barrier(count, timeout=20)

    def get_rank(self) -> int:
        return getattr(self.here, "rank", 0)

    def get_world_size(self) -> int:
        return self.count

    def _exchange(self, value: Any) -> list[Any]:
        self.slots[self.get_rank()] = value
        self.barrier.wait()
        values = list(self.slots)
        self.barrier.wait()
        return values

    def all_reduce(self, tensor: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._exchange(tensor)).sum(0)

    def broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        return self._exchange(tensor)[0]

    def run(self, work: Callable[[int], Any]) -> list[Any]:
        """What each rank returns, all of them at once."""
        found: list[Any] = [None] * self.count

        def one(rank: int) -> None:
            self.here.rank = rank
            found[rank] = work(rank)

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found

    def one_by_one(self, work: Callable[[int], Any]) -> list[Any]:
        """The same where nothing is exchanged; random numbers are not drawn by two at a time."""
        found = []
        for rank in range(self.count):
            self.here.rank = rank
            found.append(work(rank))
        return found


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Processes]:
    def start(count: int) -> Processes:
        group = Processes(count)
        for name in NAMES:
            monkeypatch.setattr(distributed.idist, name, getattr(group, name))
        return group

    return start


@settings(max_examples=50, deadline=None)
@given(cases=st.integers(0, 40), count=st.integers(1, 8))
def test_shares_are_even_and_nothing_is_lost_or_twice(cases: int, count: int) -> None:
    shares = [list(share(range(cases), rank, count)) for rank in range(count)]
    if cases < count:
        assert all(part == list(range(cases)) for part in shares)
    else:
        assert sorted(case for part in shares for case in part) == list(range(cases))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("replacement", [False, True])
def test_batches_are_those_of_one_process(count: int, replacement: bool, processes: Callable[[int], Processes]) -> None:
    dataset = list(range(11))

    def batches(rank: int) -> list[list[int]]:
        torch.manual_seed(3)
        order = {"sampler": RandomSampler(dataset, replacement, num_samples=11)} if replacement else {"shuffle": True}
        return [batch.tolist() for batch in share_batches(dataset, batch_size=4, **order)]

    (whole,) = processes(1).one_by_one(batches)
    parts = processes(count).one_by_one(batches)
    assert [len(part) for part in parts] == [3] * count
    for batch, *shared in zip(whole, *parts, strict=True):
        assert sorted(case for part in shared for case in part) == sorted(batch)


def test_of_a_last_batch_that_is_too_small_every_process_computes_all(
    processes: Callable[[int], Processes],
) -> None:
    parts = processes(2).one_by_one(lambda rank: [batch.tolist() for batch in share_batches(list(range(3)), 2)])
    assert parts == [[[0], [2]], [[1], [2]]]


def test_a_batch_smaller_than_the_processes_is_said(
    processes: Callable[[int], Processes], caplog: pytest.LogCaptureFixture
) -> None:
    processes(3)
    share_batches(list(range(4)), 2)
    assert caplog.messages == ["batch_size 2 cannot be shared by 3 processes: each of them computes all of it."]


@pytest.mark.parametrize(("cases", "count"), [(5, 2), (6, 3), (1, 2)])
def test_validation_has_every_case_once(cases: int, count: int, processes: Callable[[int], Processes]) -> None:
    parts = processes(count).one_by_one(
        lambda rank: [case for batch in share_cases(list(range(cases)), 2) for case in batch.tolist()]
    )
    expected = list(range(cases)) if cases >= count else list(range(cases)) * count
    assert sorted(case for part in parts for case in part) == expected


class Draw(RandomizableTransform):
    """Each case becomes its index and a random number."""

    def __call__(self, data: int) -> tuple[int, float]:
        return data, self.R.random()


def drawn(rank: int) -> tuple[list[int], list[float], list[float]]:
    """Of two epochs the order of the cases, what transforms drew, and what PyTorch drew in the steps."""
    steps: list[float] = []
    cases: list[tuple[int, float]] = []

    def step(engine: Engine, batch: Any) -> None:
        cases.extend(zip(*(column.tolist() for column in batch), strict=True))
        steps.append(float(torch.rand(())))

    engine = Engine(step)
    EpochSeed(7).attach(engine)
    torch.manual_seed(rank)  # where a process comes from does not matter
    engine.run(share_batches(Dataset(list(range(6)), Draw()), 4, shuffle=True), max_epochs=2)
    return [case for case, _ in cases], [number for _, number in cases], steps


def test_processes_share_the_order_and_draw_for_themselves(processes: Callable[[int], Processes]) -> None:
    ((order, numbers, steps),) = processes(1).one_by_one(drawn)
    (first, numbers_0, steps_0), (second, numbers_1, steps_1) = processes(2).one_by_one(drawn)
    assert [sorted(order[:6]), sorted(order[6:])] == [list(range(6))] * 2 and order[:6] != order[6:]
    assert first == [order[i] for i in (0, 2, 4, 6, 8, 10)] and second == [order[i] for i in (1, 3, 5, 7, 9, 11)]
    assert steps_0 == steps and not set(steps_1) & set(steps)
    assert numbers_0[:2] == numbers[:2] and not set(numbers_1) & set(numbers)


def test_workers_of_processes_draw_for_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    for rank in (0, 1, 2):
        for worker in (0, 1):
            dataset = Dataset([0], Draw())
            info = SimpleNamespace(dataset=dataset, seed=100 + worker, num_workers=2)
            monkeypatch.setattr(distributed, "get_worker_info", lambda info=info: info)
            monkeypatch.setattr(distributed.idist, "get_rank", lambda rank=rank: rank)
            share_batches(dataset, 1).worker_init_fn(worker)
            seeds.append(dataset[0][1])
    assert len(set(seeds)) == 6


def test_the_phantom_is_written_by_the_first_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    group, writers = Processes(3), []
    for name, value in (("get_rank", group.get_rank), ("get_world_size", lambda: 3), ("barrier", group.barrier.wait)):
        monkeypatch.setattr("ignite.distributed.utils." + name, value)

    def work(rank: int) -> str:
        return write_phantom_once(tmp_path / "phantom", {"size": 1}, lambda folder: writers.append(rank))

    assert group.run(work) == [str(tmp_path / "phantom")] * 3
    assert writers == [0]


def test_tables_of_cases_are_left_to_a_single_process(processes: Callable[[int], Processes], tmp_path: Path) -> None:
    processes(2)
    for handler, name in ((PredictionSummary(str(tmp_path)), "summary.csv"), (FitTemperature(str(tmp_path)), "json")):
        with pytest.raises(
            InputError, match=rf"{name} can be written by one process only: run the command without torchrun"
        ):
            handler.attach(Engine(lambda engine, batch: None))
