"""Texts of transforms: others for what does other things, and the same in every process."""

from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from warm_python import WarmPython

from common.datasets.described import described

FACTOR = 2.0
TABLE = {"factor": 2.0}


def times(image: torch.Tensor, factor: float) -> torch.Tensor:
    return image * factor


class Times:
    def __init__(self, factor: Any) -> None:
        self.factor = factor

    def apply(self, image: torch.Tensor) -> torch.Tensor:
        return image * self.factor

    def add(self, image: torch.Tensor) -> torch.Tensor:
        return image + self.factor


class Slotted:
    __slots__ = ("factor",)

    def __init__(self, factor: float) -> None:
        self.factor = factor


def own_class(factor: int) -> type:
    """A user's class, as it was written before and after."""
    scope: dict[str, Any] = {"__name__": "own"}
    exec(f"class Own:\n    def __call__(self, image):\n        return image * {factor}\n", scope)
    return scope["Own"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (functools.partial(times, factor=2), functools.partial(times, factor=3)),
        (Times(2).apply, Times(3).apply),
        (Times(2).apply, Times(2).add),
        (torch.abs, torch.exp),
        (np.log, np.exp),
        (operator.itemgetter(1), operator.itemgetter(2)),
        (Slotted(1), Slotted(2)),
        (slice(1), slice(2)),
        (range(2), range(3)),
        (b"a", b"b"),
        (1j, 2j),
        (np.float32(1), np.float32(2)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
        (torch.nn.Conv1d(1, 1, 1), torch.nn.Conv1d(1, 1, 1)),
        (own_class(2)(), own_class(3)()),
        (own_class(2), own_class(3)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_differs(one: Any, other: Any) -> None:
    assert described(one) == described(one) != described(other)
    assert described(Times(one)) != described(Times(other)), "within a transform"


def test_numbers_of_the_module(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_number(image: torch.Tensor) -> torch.Tensor:
        return image * FACTOR

    def by_entry(image: torch.Tensor) -> torch.Tensor:
        return image * TABLE["factor"]

    before = [described(by_number), described(by_entry)]
    monkeypatch.setitem(globals(), "FACTOR", 3.0)
    monkeypatch.setitem(TABLE, "factor", 3.0)
    assert all(old != new for old, new in zip(before, [described(by_number), described(by_entry)], strict=True))


def test_what_an_expression_of_a_configuration_refers_to() -> None:
    def of(factor: float) -> str:
        return described(ConfigParser({"factor": factor, "step": "$lambda x: x * @factor"}).get_parsed_content("step"))

    assert of(2.0) != of(3.0) and of(2.0) == of(2.0)


def test_what_holds_itself() -> None:
    value = Times(2)
    value.factor = value.apply
    assert "itself" in described(value)


def test_the_same_in_every_process(tmp_path: Path, warm_monai: WarmPython) -> None:
    """Sets, also those that a function names, have another order in each."""
    (tmp_path / "own.py").write_text(
        "class Own:\n    def __call__(self, x):\n        return x in {'a', 'b', 'c', 'd', 'e'}\n", encoding="utf-8"
    )
    program = "from own import Own; from common.datasets.described import described; print(described(Own()))"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    environment = os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": path}
    command = [sys.executable, "-c", program]
    cold = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    warm = warm_monai.start("-c", program, folder=tmp_path, environment=environment)  # has a hash seed of its own
    assert warm.wait(timeout=100) == 0 and warm.output() == cold.stdout
