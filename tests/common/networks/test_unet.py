"""The papers' U-Nets: their layers, their sizes, and that they can learn."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from common.errors import ArgumentError
from common.networks import BilinearUNet, UNet, u_net


def convolutions(network: nn.Module) -> list[nn.Module]:
    kinds = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    return [module for module in network.modules() if isinstance(module, kinds)]


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("features", [(3,), (3, 5), (2, 4, 6, 8)])
def test_layers_are_those_of_the_paper(spatial_dims: int, features: tuple[int, ...]) -> None:
    """Counted by hand: weights and biases of each convolution, two per channel of each normalization."""
    network = UNet(spatial_dims, in_channels=2, out_channels=4, features=features)

    def convolution(before: int, after: int, kernel: int) -> int:
        return before * after * kernel**spatial_dims + after

    def block(before: int, after: int) -> int:
        return convolution(before, after, 3) + convolution(after, after, 3) + 4 * after

    expected = block(2, features[0]) + convolution(features[0], 4, 1)
    for fine, coarse in pairwise(features):
        expected += convolution(fine, coarse, 2) + block(coarse, coarse)
        expected += convolution(coarse, fine, 2) + block(2 * fine, fine)
    assert sum(parameter.numel() for parameter in network.parameters()) == expected
    strided = [module for module in convolutions(network) if module.stride[0] == 2]
    assert len(strided) == 2 * (len(features) - 1)
    assert all(set(module.kernel_size) == {2} and set(module.stride) == {2} for module in strided)
    norms = [module for module in network.modules() if isinstance(module, nn.InstanceNorm2d | nn.InstanceNorm3d)]
    assert len(norms) == sum(isinstance(module, nn.ReLU) for module in network.modules()) == 4 * len(features) - 2


def test_default_is_the_papers_size() -> None:
    assert sorted({module.out_channels for module in convolutions(UNet())}) == [1, 16, 32, 64, 128, 256]


@pytest.mark.parametrize(
    "shape", [(1, 1), (4, 4), (5, 7), (8, 3), (1, 16), (9, 6, 5), (4, 4, 4), (1, 1, 1), (12, 8, 1)]
)
@pytest.mark.parametrize("training", [True, False])
def test_any_size(shape: tuple[int, ...], training: bool) -> None:
    network = UNet(len(shape), features=(2, 3, 4)).train(training)
    image = torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(0))
    logits = network(image)
    assert logits.shape == image.shape
    assert logits.isfinite().all()


def test_padding_repeats_the_border_and_is_cut_off() -> None:
    network = UNet(2, features=(2, 3, 4))
    image = torch.randn(1, 1, 6, 5, generator=torch.Generator().manual_seed(0))
    extended = nn.functional.pad(image, (0, 3, 0, 2), mode="replicate")
    torch.testing.assert_close(network(image), network(extended)[..., :6, :5])


def test_every_parameter_learns() -> None:
    """The overall shift of what instance normalization follows is the one thing that has no gradient."""
    torch.manual_seed(0)
    network = UNet(2, features=(2, 4))
    network(torch.randn(2, 1, 8, 8)).square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith("conv.bias"):
            assert parameter.grad.abs().max() > 0, name


def test_gradients() -> None:
    torch.manual_seed(0)
    network = UNet(2, features=(1, 2)).double()
    assert torch.autograd.gradcheck(network, torch.randn(1, 1, 3, 4, dtype=torch.float64, requires_grad=True))


def test_an_image_is_overfitted() -> None:
    torch.manual_seed(0)
    network = UNet(2, features=(8, 16))
    image = torch.zeros(1, 1, 16, 16)
    image[..., 4:10, 5:12] = 1
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(40):
        optimizer.zero_grad()
        nn.functional.binary_cross_entropy_with_logits(network(image), image).backward()
        optimizer.step()
    assert torch.equal((network(image) > 0).float(), image)


def test_half_precision() -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert UNet(3, features=(2, 4))(torch.zeros(1, 1, 5, 6, 7)).isfinite().all()


def test_torchscript() -> None:
    """MONAI's `ckpt_export` needs it."""
    network = UNet(3, features=(2, 4)).eval()
    scripted = torch.jit.script(network)
    image = torch.randn(1, 1, 5, 6, 7)
    torch.testing.assert_close(scripted(image), network(image))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"spatial_dims": 1}, "spatial_dims: expected 2 or 3, got 1"),
        ({"features": ()}, "at least one channel"),
        ({"features": (4, 0)}, r"features \[4, 0\]"),
        ({"in_channels": 0}, "in_channels 0"),
    ],
)
def test_wrong_arguments(arguments: dict, sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        UNet(**arguments)


def test_wrong_dimensions() -> None:
    with pytest.raises(ArgumentError, match=r"of 3 dimensions, got the shape \[1, 1, 4, 4\]"):
        UNet(3, features=(2,))(torch.zeros(1, 1, 4, 4))


def by_hand(network: BilinearUNet, image: torch.Tensor, training: bool) -> torch.Tensor:
    """The five resolutions of the authors' code, layer by layer, with PyTorch's functions and the network's numbers."""
    numbers = network.state_dict()

    def block(x: torch.Tensor, name: str) -> torch.Tensor:
        for layer in (0, 1):
            weight, bias = numbers[f"{name}.{layer}.conv.weight"], numbers[f"{name}.{layer}.conv.bias"]
            x = nn.functional.conv2d(x, weight, bias, padding=1)
            parts = "running_mean", "running_var", "weight", "bias"
            mean, variance, scale, shift = (numbers[f"{name}.{layer}.adn.N.{part}"].clone() for part in parts)
            x = nn.functional.batch_norm(x, mean, variance, scale, shift, training=training).clamp(min=0)
        return x

    def up(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    encoded = [block(image, "entry")]
    for level in range(4):
        encoded.append(block(nn.functional.max_pool2d(encoded[-1], 2), f"down.{level}.1"))
    x = encoded[-1]
    for step in range(4):
        x = block(torch.cat([up(x), encoded[3 - step]], 1), f"join.{step}")
    return nn.functional.conv2d(x, numbers["exit.conv.weight"], numbers["exit.conv.bias"], padding=1)


@pytest.mark.parametrize("training", [True, False])
def test_bilinear_unet_is_that_of_the_authors_code(training: bool) -> None:
    """16 to 128 features; on the way up 64, 32, 16 and 16. In evaluation the normalization's own numbers act."""
    torch.manual_seed(0)
    network = BilinearUNet(2, 1, 4).double()
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        for numbers in (norm.running_mean, norm.running_var, norm.weight, norm.bias):
            nn.init.uniform_(numbers, 0.5, 1.5)
    assert [block[1].conv.out_channels for block in network.join] == [64, 32, 16, 16]
    assert [block[0].conv.in_channels for block in network.join] == [256, 128, 64, 32]
    image = torch.randn(2, 1, 32, 48, dtype=torch.double)
    logits = network.train(training)(image)
    torch.testing.assert_close(logits, by_hand(network, image, training))
    assert logits.is_contiguous()


@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (8, 3), (9, 6, 5), (1, 1, 1), (12, 8, 1)])
@pytest.mark.parametrize("training", [True, False])
def test_bilinear_unet_takes_any_size(shape: tuple[int, ...], training: bool) -> None:
    network = BilinearUNet(len(shape), features=(2, 3, 4)).train(training)
    image = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(0))
    logits = network(image)
    assert logits.shape == image.shape and logits.isfinite().all()
    torch.testing.assert_close(torch.jit.script(network.eval())(image), network(image))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dims", [2, 3])
def test_bilinear_unet_in_float64_has_the_gradients_of_differences(dims: int, training: bool) -> None:
    torch.manual_seed(0)
    network = BilinearUNet(dims, features=(1, 2)).double().train(training)
    image = torch.randn(2, 1, *[4] * dims, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(network, image)


def test_networks_by_name() -> None:
    assert isinstance(u_net("unet", spatial_dims=2, features=(2,)), UNet)
    with pytest.raises(ArgumentError, match="architecture: expected one of unet, bilinear_unet, got 'u'"):
        u_net("u")
    with pytest.raises(ArgumentError, match="got the shape"):
        u_net("bilinear_unet", spatial_dims=2)(torch.zeros(1, 1, 4))
