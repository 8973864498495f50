"""The moving average of weights, from the first iteration to a resumed one."""

from copy import deepcopy

import pytest
import torch
from ignite.engine import Engine, Events
from torch import nn

from common.workflow import AverageWeights


def averages(weights: list[float], momentum: float, average: nn.Linear, done: int = 0) -> list[float]:
    """The average after each iteration, an epoch, that sets the network's weight; the first ``done`` were before."""
    network = deepcopy(average).requires_grad_(True)
    found: list[float] = []

    def step(engine: Engine, _: int) -> None:
        nn.init.constant_(network.weight, weights[engine.state.iteration - 1])

    engine = Engine(step)

    @engine.on(Events.STARTED)
    def resume() -> None:
        engine.state.epoch = engine.state.iteration = done

    AverageWeights(network, average, momentum).attach(engine)
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: found.append(average.weight.item()))
    engine.run([0], max_epochs=len(weights))
    return found


def linear(weight: float = 100.0) -> nn.Linear:
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, weight)
    return layer


def test_a_plain_mean_until_the_window_is_full_then_exponential() -> None:
    weights = [1.0, 5.0, 3.0, 7.0, 2.0, 8.0]
    expected = [sum(weights[:t]) / t for t in (1, 2, 3, 4)]  # 1 / m = 4; the start of 100 is forgotten at once
    for weight in weights[4:]:
        expected.append(0.75 * expected[-1] + 0.25 * weight)
    assert averages(weights, 0.25, linear()) == pytest.approx(expected, rel=1e-5)


def test_a_resumed_average_is_that_of_the_uninterrupted() -> None:
    weights = [1.0, 5.0, 3.0, 7.0, 2.0, 8.0]
    whole = averages(weights, 0.25, linear())
    average = linear(whole[2])
    assert averages(weights, 0.25, average, done=3) == pytest.approx(whole[3:], rel=1e-5)


def test_the_average_is_not_trained() -> None:
    average = linear()
    AverageWeights(linear(), average, 0.1)
    assert not average.weight.requires_grad and not average.training and isinstance(average.weight, torch.Tensor)


def test_statistics_of_batch_normalization_are_averaged_as_weights_are() -> None:
    """Those of the last iteration alone would belong to other weights."""
    network, seen = nn.BatchNorm1d(1, momentum=1.0), [1.0, 5.0, 3.0]
    average = deepcopy(network)
    engine = Engine(lambda engine, _: network(torch.tensor([[seen[engine.state.iteration - 1]]] * 2)))
    AverageWeights(network, average, 0.25).attach(engine)
    engine.run([0], max_epochs=3)
    assert average.running_mean.item() == pytest.approx(3.0) and average.num_batches_tracked == 3


def test_statistics_of_two_processes_become_their_mean_at_the_end_of_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would validate another network, and only one of them is kept."""
    of_the_other = 7.0
    monkeypatch.setattr("ignite.distributed.get_world_size", lambda: 2)
    monkeypatch.setattr("ignite.distributed.all_reduce", lambda value: value + of_the_other)
    network, seen = nn.BatchNorm1d(1, momentum=1.0), [1.0, 5.0]
    average = deepcopy(network)
    engine = Engine(lambda engine, _: network(torch.tensor([[seen[engine.state.iteration - 1]]] * 2)))
    AverageWeights(network, average, 0.25).attach(engine)
    engine.run([0, 0], max_epochs=1)
    assert average.running_mean.item() == pytest.approx((3.0 + of_the_other) / 2)
