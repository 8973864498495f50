"""CONTRIBUTING.md: the loss that it adds step by step is one, and passes the test that it adds."""

from __future__ import annotations

import doctest
import re
import textwrap
import types
from pathlib import Path

import pytest

from common import losses

PAGE = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
SOURCES = [textwrap.dedent(block) for block in re.findall(r"^ +```python\n(.*?)^ +```", PAGE, re.DOTALL | re.MULTILINE)]


def module(name: str, source: str) -> types.ModuleType:
    made = types.ModuleType(name)
    exec(compile(source, f"CONTRIBUTING.md ({name})", "exec"), made.__dict__)
    return made


def test_the_new_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, test = SOURCES
    unlikely = module("unlikely", loss)
    finder = doctest.DocTestFinder(exclude_empty=True)
    (example,) = (
        found
        for found in finder.find(unlikely.UnlikelyLoss, globs=unlikely.__dict__)
        if "Loss" in found.name and found.examples
    )
    assert doctest.DocTestRunner().run(example).failed == 0
    monkeypatch.setattr(losses, "UnlikelyLoss", unlikely.UnlikelyLoss, raising=False)
    module("test_unlikely", test).test_value_and_gradient()
