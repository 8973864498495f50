"""Mixed precision where MONAI's engines have none: bfloat16 on a CPU, and nothing changed without it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from monai.engines import SupervisedTrainer
from monai.inferers import SimpleInferer
from torch import nn

from common.datasets.plan import example_plan
from common.networks import Ensemble, MixedPrecision, UNet
from common.workflow import MixedPrecisionInferer, inferer_of, new_image_inferer

IMAGE = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))


class Recording(nn.Module):
    """Gives the image back, and remembers whether it was called in mixed precision."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[bool] = []

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        self.seen.append(torch.is_autocast_enabled("cpu"))
        return image

    def pair(self, image: torch.Tensor, factor: int) -> tuple[torch.Tensor, torch.Tensor]:
        return image.bfloat16() * factor, self(image).argmax(1)


def test_bfloat16_and_float32_agree_to_8_bits() -> None:
    torch.manual_seed(0)
    network = UNet(2, out_channels=3, features=(4, 8)).eval()
    with torch.inference_mode():
        exact, reduced = network(IMAGE), MixedPrecision(network)(IMAGE)
    assert reduced.dtype == torch.float32 and not torch.equal(exact, reduced)
    assert (reduced - exact).abs().max() < 0.05 * exact.abs().max()
    assert torch.equal(reduced, reduced.bfloat16().float()), "computed in another type"


def test_methods_of_the_network_and_several_outputs() -> None:
    network = Recording()
    doubled, classes = MixedPrecision(network).pair(IMAGE, factor=2)
    assert doubled.dtype == torch.float32 and classes.dtype == torch.int64 and network.seen == [True]
    assert MixedPrecision(network).seen is network.seen


@pytest.mark.parametrize("amp", [False, True])
@pytest.mark.parametrize("dims", [2, 3])
def test_all_inferers_have_it_as_an_option(amp: bool, dims: int) -> None:
    plan = replace(example_plan(), image_dims=dims, patch_size=(16, 16), image_size=None, spacing=None)
    image = IMAGE[:1] if dims == 2 else IMAGE[:1, ..., None]
    for inferer in (inferer_of(plan, amp=amp), new_image_inferer(plan, amp=amp)):
        one, other = Recording(), Recording()
        inferer(image, one)
        inferer(image, Ensemble([one, other], sigmoid=True))
        assert {*one.seen, *other.seen} == {amp}


class Watched(nn.Module):
    """Cross-entropy that remembers the type of what it gets, and whether it is computed in mixed precision."""

    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        self.seen = (logits.dtype, torch.is_autocast_enabled("cpu"))
        return nn.functional.cross_entropy(logits, label[:, 0])


def test_a_training_computes_its_network_alone_in_bfloat16() -> None:
    gradients = {}
    for amp in (False, True):
        torch.manual_seed(0)
        network, loss = UNet(2, out_channels=2, features=(8, 16)), Watched()
        trainer = SupervisedTrainer(
            *(
                "cpu",
                1,
                [{"image": IMAGE, "label": (IMAGE > 0.5).long()}],
                network,
                torch.optim.SGD(network.parameters()),
            ),
            *(loss,),
            inferer=MixedPrecisionInferer(SimpleInferer(), amp),
        )
        trainer.run()
        assert loss.seen == (torch.float32, False)
        found = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
        assert {gradient.dtype for gradient in found} == {torch.float32}
        gradients[amp] = torch.cat([gradient.flatten() for gradient in found])
    assert not torch.equal(gradients[False], gradients[True])
    assert torch.cosine_similarity(gradients[False], gradients[True], dim=0) > 0.98
