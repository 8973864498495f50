"""CONTRIBUTING.md: the loss that it adds step by step is one, and passes the test that it adds."""

from __future__ import annotations

import doctest
import re
import textwrap
import types
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from common import losses
from common.datasets.plan import example_plan

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"^ *```{language}\n(.*?)^ *```", PAGE, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for block in found]


def module(name: str, source: str) -> types.ModuleType:
    made = types.ModuleType(name)
    exec(compile(source, f"CONTRIBUTING.md ({name})", "exec"), made.__dict__)
    return made


def test_the_new_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    loss, test = blocks("python")
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


@pytest.mark.parametrize("classes", [("lesion",), ("core", "edema")], ids=["binary", "several"])
def test_the_new_loss_in_a_bundle(classes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """With labels as they are read: class indices in one channel."""
    monkeypatch.setattr(losses, "UnlikelyLoss", module("unlikely", blocks("python")[0]).UnlikelyLoss, raising=False)
    parser = ConfigParser()
    parser.read_config(ROOT / "bundles/t_loss/configs/train.yaml")
    plan = replace(example_plan(), class_names=("background", *classes))
    parser.update(yaml.safe_load(blocks("yaml")[0]) | {"plan": plan})
    loss = parser.get_parsed_content("loss_def")(torch.zeros(2, plan.logits, 4, 4), torch.ones(2, 1, 4, 4))
    assert float(loss) == pytest.approx(1 - 1 / (1 + len(classes)))
