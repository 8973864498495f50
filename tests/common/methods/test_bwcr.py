"""Views of a batch and the loss of their logits."""

from pathlib import Path

import pytest
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from torch import nn
from torch.nn import functional

from common.errors import InputError
from common.losses import CrossEntropyLoss, LogitConsistencyLoss
from common.methods import PrepareViews, ViewInferer, ViewLoss, radius_in_millimeters
from common.transforms import RandomView

CE = {"softmax": True, "to_onehot_y": True, "reduction": "none"}


def batch(size: int = 16, count: int = 3, classes: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "image": torch.rand(count, 1, size, size, generator=generator),
        "label": torch.randint(classes, (count, 1, size, size), generator=generator).float(),
        "label_weight": torch.rand(count, 1, size, size, generator=generator),
    }


class Summed(nn.Module):
    def forward(self, logits: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return logits.sum()


def still(count: int) -> PrepareViews:
    """Views that are the images."""
    return PrepareViews(RandomView(probability=0.0), count)


def test_views_are_one_batch_with_the_geometry_of_each():
    data = batch()
    image, target = PrepareViews(RandomView(), 2).set_random_state(0)(data)
    assert image.shape == (6, 1, 16, 16) and len(target["matrices"]) == 2
    assert not torch.equal(image[:3], image[3:]) and not torch.equal(*target["matrices"])
    assert torch.equal(target["label"], data["label"]) and torch.equal(target["weight"], data["label_weight"])


def test_each_view_has_a_pass_and_statistics_of_its_own():
    image, _ = PrepareViews(RandomView(), 2).set_random_state(0)(batch())
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train()
    passes = []
    network.register_forward_hook(lambda module, inputs, output: passes.append(inputs[0]))
    logits = ViewInferer(2)(image, network)
    assert len(passes) == 2 and torch.equal(torch.cat(passes), image)
    for view in logits.chunk(2):
        torch.testing.assert_close(view.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    assert len(ViewInferer(1)(image, network)) == 6 and len(passes) == 3


def test_the_seed_decides_on_the_views():
    prepare = PrepareViews(RandomView(), 2)
    first, again, other = (prepare.set_random_state(seed)(batch())[0] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_without_geometry_it_is_the_formula_of_the_paper():
    data = batch()
    _, target = still(2)(data)
    logits = torch.randn(6, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    loss = ViewLoss(CrossEntropyLoss(**CE))
    value = loss(logits, target)
    z, other = logits[:3], logits[3:]
    supervised = functional.cross_entropy(z, data["label"][:, 0].long())
    consistency = (data["label_weight"][:, 0] * (z - other).square().sum(1)).mean()
    torch.testing.assert_close(value, supervised + consistency)
    torch.testing.assert_close(loss.supervised_part, supervised)
    torch.testing.assert_close(loss.consistency_part, consistency)


def test_pixels_that_nobody_labeled_are_not_supervised():
    data = batch()
    data["label"][:, :, :5] = -1
    _, target = still(1)(data)
    logits = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    expected = functional.cross_entropy(logits, data["label"][:, 0].long(), ignore_index=-1)
    torch.testing.assert_close(ViewLoss(CrossEntropyLoss(**CE))(logits, target), expected)


def test_one_view_is_the_supervised_loss_alone():
    data = batch()
    _, target = still(1)(data)
    logits = torch.randn(3, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    expected = functional.cross_entropy(logits, data["label"][:, 0].long())
    torch.testing.assert_close(ViewLoss(CrossEntropyLoss(**CE))(logits, target), expected)


def test_a_network_that_follows_the_geometry_is_consistent_inside_the_field():
    """A smooth image is the same in both views once they are brought back; what lies outside does not count."""
    places = torch.linspace(-1, 1, 48)
    data = {
        "image": (places[:, None] + 0.3 * places)[None, None].repeat(4, 1, 1, 1),
        "label": torch.zeros(4, 1, 48, 48),
        "label_weight": torch.ones(4, 1, 48, 48),
    }
    geometry = RandomView(
        1.0, gamma=(1, 1), intensity_scale=(1, 1), intensity_shift=0, blur=(1e-3, 1e-3), sharpening=(0, 0), noise=(0, 0)
    )
    image, target = PrepareViews(geometry, 2).set_random_state(3)(data)
    loss = ViewLoss(CrossEntropyLoss(**CE))
    loss(torch.cat((image, -image), 1), target)
    assert loss.consistency_part < 1e-6
    loss(torch.cat((image, -image.flip(2)), 1), target)
    assert loss.consistency_part > 1e-2


def test_gradients_reach_both_views():
    _, target = PrepareViews(RandomView(), 2).set_random_state(0)(batch())
    logits = torch.randn(6, 3, 16, 16, generator=torch.Generator().manual_seed(1)).requires_grad_()
    ViewLoss(CrossEntropyLoss(**CE), LogitConsistencyLoss("jensen_shannon"))(logits, target).backward()
    assert logits.grad[:3].abs().sum() > 0 and logits.grad[3:].abs().sum() > 0


def test_works_in_3d():
    generator = torch.Generator().manual_seed(0)
    shape = (2, 1, 6, 7, 8)
    data = {
        "image": torch.rand(shape, generator=generator),
        "label": torch.zeros(shape),
        "label_weight": torch.ones(shape),
    }
    image, target = PrepareViews(RandomView(), 2).set_random_state(0)(data)
    assert ViewLoss(CrossEntropyLoss(**CE))(torch.cat((image, 1 - image), 1), target).isfinite()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PrepareViews(RandomView(), 3), "count: expected one view or two, got 3"),
        (lambda: ViewLoss(nn.CrossEntropyLoss()), "expected a loss with reduction none, got mean"),
        (lambda: ViewLoss(Summed())(torch.zeros(3, 3, 16, 16), still(1)(batch())[1]), "a value per pixel"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(("wanted", "weight"), [("true", 1 - 1.5 / 6 + 0.01), ("false", 1 - 1 / 6 + 0.01)])
def test_the_radius_of_the_configuration_is_in_pixels_or_mm(wanted: str, weight: float):
    parser = ConfigParser()
    parser.read_config(str(Path(__file__).parents[3] / "bundles/bwcr/configs/train.yaml"))
    plan = {"_target_": "types.SimpleNamespace", "spacing": [1.5, 1.5], "slice_axis": None}
    parser.update({"plan": plan, "radius": 6.0, "radius_in_mm": wanted})
    (transform,) = parser.get_parsed_content("boundaries")
    label = MetaTensor(torch.tensor([[[0.0, 1.0]]]), affine=torch.diag(torch.tensor([1.5, 1.5, 1.0, 1.0])))
    assert transform({"label": label})["label_weight"].max().item() == pytest.approx(weight)


def test_pictures_without_a_spacing_have_no_mm():
    assert not radius_in_millimeters(False, None)
    with pytest.raises(InputError, match="radius_in_mm: expected images with a spacing"):
        radius_in_millimeters("true", None)
