"""Windows of a network: as few as cover an image, larger than in training where its normalization allows it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.inferers import SlidingWindowInferer

from common.datasets.plan import example_plan
from common.errors import ArgumentError, InputError
from common.networks import BilinearUNet
from common.workflow import GrowingWindows, inferer_of, new_image_inferer, window_size

REPOSITORY = Path(__file__).parents[3]


def seen(size: tuple[int, ...], windows: tuple[int, ...], overlap: float) -> int:
    """Pixels that a network sees of an image, counted by MONAI's own inferer."""
    pixels = 0

    def network(batch: torch.Tensor) -> torch.Tensor:
        nonlocal pixels
        pixels += batch.numel()
        return batch

    SlidingWindowInferer(windows, 8, overlap)(torch.zeros(1, 1, *size), network)
    return pixels


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.7])
@pytest.mark.parametrize("multiple", [1, 4, 8])
def test_the_least_to_compute_of_all_sizes(overlap: float, multiple: int) -> None:
    for length in range(5, 80, 3):
        side, growth = 16, 1.5
        (found,) = window_size((length,), (side,), overlap, growth, multiple)
        allowed = [s for s in range(side, 25) if s in (side, length) or s % multiple == 0]
        assert found in allowed
        assert seen((length,), (found,), overlap) == min(seen((length,), (s,), overlap) for s in allowed)


def test_windows_are_those_of_training_unless_they_may_grow() -> None:
    for length in range(3, 60):
        assert window_size((length, 7), (12, 8), 0.5) == (12, 8)
    with pytest.raises(ArgumentError, match=r"at least 1, got 0\.9 and 1"):
        window_size((9,), (8,), 0.5, growth=0.9)


def test_a_third_less_for_a_slice_of_the_benchmark() -> None:
    size = window_size((171, 171), (96, 96), 0.5, growth=1.25, multiple=4)
    assert size == (116, 116)
    assert seen((171, 171), size, 0.5) / seen((171, 171), (96, 96), 0.5) < 0.66


@pytest.mark.parametrize("shape", [(1, 1, 23, 40), (2, 1, 17, 9), (1, 1, 19, 21, 8)])
def test_every_voxel_comes_back_where_it_was(shape: tuple[int, ...]) -> None:
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    windows = GrowingWindows((16,) * (len(shape) - 2), 2, 0.5, growth=1.25, multiple=4)
    torch.testing.assert_close(windows(image, lambda batch: 2 * batch), 2 * image)


@torch.inference_mode()
def test_far_from_borders_larger_windows_change_nothing_with_batch_normalization() -> None:
    """What lies deeper than the network reaches is computed from the same voxels, whatever the window."""
    torch.manual_seed(0)
    network = BilinearUNet(features=(4, 6)).eval()
    image = torch.rand(1, 1, 64, 64)
    whole, grown = network(image), GrowingWindows((40, 40), 4, 0.5, growth=1.25, multiple=2)(image, network)
    assert window_size((64, 64), (40, 40), 0.5, 1.25, 2) == (44, 44)
    middle = slice(30, 34)
    torch.testing.assert_close(grown[..., middle, middle], whole[..., middle, middle], rtol=0, atol=1e-5)


@pytest.mark.parametrize("growth", [0.9, True, "1.5", float("inf"), None])
def test_growth_is_a_number_of_at_least_one(growth) -> None:
    plan = dataclasses.replace(example_plan(), image_dims=3)
    for inferer in (inferer_of, new_image_inferer):
        with pytest.raises(InputError, match=r"window_growth: expected a number of at least 1, got "):
            inferer(plan, growth=growth)


@pytest.mark.parametrize("name", ["train", "inference"])
@pytest.mark.parametrize(("architecture", "growth"), [("bilinear_unet", 1.25), ("unet", 1)])
def test_only_the_network_with_batch_normalization_has_larger_windows(name: str, architecture: str, growth: float):
    parser = ConfigParser()
    parser.read_config(REPOSITORY / f"bundles/bwcr/configs/{name}.yaml")
    parser["plan"] = dataclasses.replace(example_plan(), method={"architecture": architecture})
    assert parser.get_parsed_content("window_growth") == growth
    inferer = "validate#inferer" if name == "train" else "inferer"
    assert parser[f"{inferer}#growth"] == "@window_growth"
