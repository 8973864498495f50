"""The learning rate falls along a line to the end of the training, also of one that is continued for longer."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR, LinearLR

from common.workflow import linear_decay


def training(steps: int) -> tuple[torch.optim.Optimizer, LambdaLR]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    return optimizer, LambdaLR(optimizer, partial(linear_decay, steps=steps, last=0.1))


def rates(optimizer: torch.optim.Optimizer, schedule: LambdaLR | LinearLR, count: int) -> list[float]:
    found = []
    for _ in range(count):
        optimizer.step()
        found.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    return found


def test_the_rates_are_those_of_pytorch() -> None:
    other = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    assert rates(*training(8), 12) == pytest.approx(rates(other, LinearLR(other, 1.0, 0.1, 8), 12))


@pytest.mark.parametrize("longer", [8, 16])
def test_a_training_that_is_continued_follows_the_line_to_its_own_end(longer: int) -> None:
    optimizer, schedule = training(8)
    first = rates(optimizer, schedule, 4)
    resumed, continued = training(longer)
    resumed.load_state_dict(optimizer.state_dict())
    continued.load_state_dict(schedule.state_dict())
    found = first + rates(resumed, continued, longer - 3)
    whole = rates(*training(longer), longer + 1)
    assert found[5:] == whole[5:] and found[-1] == pytest.approx(0.05)
