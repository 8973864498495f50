"""What a pretended device refuses and allows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from tests.common.pretended_device import pretended


def test_what_a_device_refuses_is_refused() -> None:
    with pretended("cuda"):
        there = torch.ones(3, device="cuda")
        assert there.device == (there * 2.5).device == torch.zeros_like(there).device == torch.device("cuda", 0)
        assert there.cpu().device == torch.device("cpu")
        assert (there[torch.tensor([0, 2])] + torch.tensor(1)).tolist() == [2, 2]
        for mixed in (lambda: there + torch.ones(3), lambda: torch.stack([there, torch.ones(3)])):
            with pytest.raises(RuntimeError, match="on one device"):
                mixed()
        for array in (there.numpy, lambda: np.asarray(there)):
            with pytest.raises(TypeError, match="NumPy"):
                array()
        with pytest.raises(RuntimeError, match="generator"):
            torch.rand(3, device="cuda", generator=torch.Generator())
        torch.rand(3, device="cuda", generator=torch.Generator("cuda"))
    with pretended("mps"):
        there = torch.ones(3, device="mps")
        for double in (
            there.double,
            lambda: torch.ones(3, dtype=torch.float64).to("mps"),
            lambda: there.sum(dtype=torch.float64),
        ):
            with pytest.raises(TypeError, match="float64"):
                double()
        assert there.cpu().double().to("mps", torch.float32).device == there.device


def test_gradients_cross_devices() -> None:
    with pretended("cuda"):
        network = torch.nn.Conv2d(1, 1, 3).to("cuda")
        value = network(torch.ones(1, 1, 4, 4, device="cuda"))
        interpolate(value.cpu().double(), scale_factor=2.0, mode="bilinear").sum().backward()
        assert network.bias.grad.device == network.weight.device == torch.device("cuda", 0)
        assert float(network.bias.grad) == 16


def test_mixed_precision_is_float16() -> None:
    with pretended("cuda"):
        network, image = torch.nn.Conv2d(1, 1, 3).to("cuda"), torch.ones(1, 1, 4, 4, device="cuda")
        with torch.autocast("cuda"):
            assert network(image).dtype == torch.float16
        with torch.autocast("cuda", enabled=False):
            assert network(image).dtype == torch.float32
