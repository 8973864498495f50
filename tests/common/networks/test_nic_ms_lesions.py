"""The dense patch network: the same numbers as the strided one where their grids meet, and an image's size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from common.errors import ArgumentError
from common.networks import AnnotatorNetwork, NicMSLesions


def strided(network: NicMSLesions, image: torch.Tensor) -> torch.Tensor:
    """The layers as NicMSLesions has them, with strides and without dilation: an answer for every fourth voxel."""
    x = nn.functional.pad(image, [5, 2, 5, 2])
    dense = iter(module for module in network.modules() if isinstance(module, nn.Conv2d))
    norms = iter(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    slopes = iter(module for module in network.modules() if isinstance(module, nn.PReLU))

    def prelu(x: torch.Tensor) -> torch.Tensor:
        slope = next(slopes).weight
        return torch.where(x > 0, x, slope.view(1, -1, 1, 1) * x)

    for layer in range(4):
        convolution, norm = next(dense), next(norms)
        x = nn.functional.conv2d(x, convolution.weight, convolution.bias, padding=1)
        x = nn.functional.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        x = prelu(x)
        if layer % 2:
            x = nn.functional.max_pool2d(x, 2)
    for _ in range(3):  # the first takes a patch's four cells, the others one
        connected = next(dense)
        x = prelu(nn.functional.conv2d(x, connected.weight, connected.bias))
    last = next(dense)
    return nn.functional.conv2d(x, last.weight, last.bias)


@pytest.mark.parametrize("size", [(29, 37), (32, 32), (30, 35)])
def test_every_fourth_voxel_is_that_of_the_strided_network(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = NicMSLesions(2, 2, 3, features=(4, 5), hidden=(7, 6, 5)).double().eval()
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        nn.init.normal_(norm.running_mean)
    image = torch.randn(2, 2, *size, dtype=torch.double)
    expected = strided(network, image)
    found = network(image)
    assert found.shape == (2, 3, *size)
    torch.testing.assert_close(found[..., ::4, ::4][..., : expected.shape[2], : expected.shape[3]], expected)


def test_a_voxel_sees_its_patch_alone() -> None:
    """From 5 before the voxel to 2 after it, and what the convolutions add: 2 at the first and 4 at the second size."""
    network = NicMSLesions(2, 1, 1, features=(2, 2), hidden=(3,)).double().eval()
    image = torch.zeros(1, 1, 41, 41, dtype=torch.double, requires_grad=True)
    network(image + torch.randn(41, 41, generator=torch.Generator().manual_seed(1), dtype=torch.double))[
        ..., 20, 20
    ].backward()
    seen = image.grad[0, 0].abs().sum(0).nonzero()
    assert seen.min() >= 20 - 5 - 6 and seen.max() <= 20 + 2 + 6


@pytest.mark.parametrize("shape", [(1, 1), (5, 12), (3, 4, 6)])
def test_any_size_and_torchscript(shape: tuple[int, ...]) -> None:
    network = NicMSLesions(len(shape), 1, 8, features=(2, 3), hidden=(4, 3))
    image = torch.randn(2, 1, *shape)
    assert network(image).shape == (2, 8, *shape)
    torch.testing.assert_close(torch.jit.script(network.eval())(image), network(image))


def test_truth_and_matrices_stand_on_its_64_features() -> None:
    network = AnnotatorNetwork(NicMSLesions(2, 4, 64), 2, 64, num_classes=2, num_annotators=5)
    truth, confusion = network(torch.rand(1, 4, 11, 11))
    assert truth.shape == (1, 2, 11, 11) and confusion.shape == (1, 5, 2, 2, 11, 11)
    sizes = [module.out_channels for module in network.backbone.modules() if isinstance(module, nn.Conv2d)]
    assert sizes == [32, 32, 64, 64, 256, 128, 64, 64]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"spatial_dims": 1}, "spatial_dims: expected 2 or 3, got 1"),
        ({"features": (32,)}, "Expected two features"),
        ({"hidden": ()}, "hidden units"),
        ({"dropout": 1.0}, "dropout: expected a number from 0 to below 1, got 1.0"),
    ],
)
def test_arguments_out_of_range(arguments, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        NicMSLesions(**({"spatial_dims": 2, "in_channels": 1, "out_channels": 1} | arguments))
