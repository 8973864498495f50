"""A step of the optimizer counts every image once, whichever batch and process has it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import tiny_training
import torch
from tiny_training import JOBS, PROCESSES, train
from warm_python import WarmPython

from common.errors import InputError
from common.workflow.compilation import check_compilation, explain_compilation

REPOSITORY = Path(__file__).parents[3]
CLOSE = {"rel": 1e-9, "abs": 1e-12}  # float64, of sums of a few dozen terms in another order
ALIKE = [name for name in JOBS if name != "normalized"]  # a process normalizes by its own share


def assert_same_training(found: dict[str, Any], wanted: dict[str, Any], losses: bool = True) -> None:
    assert found["weights"].keys() == wanted["weights"].keys()
    for name, values in wanted["weights"].items():
        assert found["weights"][name] == pytest.approx(values, **CLOSE), name
    if losses:
        assert found["losses"] == pytest.approx(wanted["losses"], **CLOSE)


@pytest.fixture(scope="module")
def three(warm_python: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of three processes ends with."""
    folder = tmp_path_factory.mktemp("three")
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "CUDA_VISIBLE_DEVICES": ""}
    process = warm_python.start(tiny_training.__file__, str(folder / "found"), folder=folder, environment=environment)
    assert process.wait(timeout=120) == 0, process.output()
    return json.loads((folder / "found").read_text(encoding="utf-8"))


def test_accumulated_batches_are_one_large_batch() -> None:
    """Of 4, 4 and 3 images, whose last step has one batch instead of two."""
    assert_same_training(train(batch_size=4, accumulate=2), train(batch_size=8), losses=False)


def test_accumulated_batches_of_unequal_sizes_are_one_large_batch() -> None:
    """Of 4, 4 and 2 images in one step."""
    assert_same_training(train(accumulate=3, images=10), train(batch_size=10, images=10), losses=False)


@pytest.mark.parametrize("job", ALIKE)
def test_three_processes_train_what_one_trains(job: str, three: list[dict[str, Any]]) -> None:
    assert_same_training(three[0][job], train(**JOBS[job]))


@pytest.mark.parametrize("job", JOBS)
def test_every_process_has_the_same_weights(job: str, three: list[dict[str, Any]]) -> None:
    """Running statistics of a batch normalization too, bit for bit."""
    assert [found[job]["weights"] for found in three[1:]] == [three[0][job]["weights"]] * (PROCESSES - 1)


def test_gradients_are_exchanged_once_for_each_step(three: list[dict[str, Any]]) -> None:
    assert three[0]["accumulated"]["exchanges"] == [False, True, True] * 2
    assert three[0]["plain"]["exchanges"] == [True] * 6


def test_resumed_in_three_processes_equals_uninterrupted(three: list[dict[str, Any]]) -> None:
    """Bit for bit, although a sum of three depends on the place of a gradient in its message."""
    assert all(found["resumed equals uninterrupted"] for found in three)


def test_a_compiled_network_learns_the_same_and_has_the_same_names() -> None:
    assert_same_training(train(compile=True, epochs=1), train(epochs=1))


def test_an_error_of_the_compiler_is_one_sentence() -> None:
    class Untraceable(torch.nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            torch._dynamo.graph_break()
            return image

    with pytest.raises(torch._dynamo.exc.TorchDynamoException) as raised:
        torch.compile(Untraceable(), backend="eager", fullgraph=True)(torch.zeros(1))
    sentence = explain_compilation(raised.value)
    assert sentence is not None and "cannot be compiled on this machine" in sentence
    assert "\n" not in sentence and sentence.endswith("--compile false trains it.")
    assert explain_compilation(RuntimeError("another")) is None
    with pytest.raises(InputError, match="compile: expected false of a Mask R-CNN"):
        check_compilation("common.networks.IMaskRCNN")
