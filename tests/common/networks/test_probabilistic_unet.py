"""A latent that is used: samples of the prior show what the annotators do."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import SlidingWindowInferer

from common.errors import ArgumentError
from common.losses import ProbabilisticLoss, gaussian_kl_divergence
from common.networks import ProbabilisticUNet


def small(spatial_dims: int = 2, **arguments) -> ProbabilisticUNet:
    torch.manual_seed(0)
    return ProbabilisticUNet(spatial_dims, 1, 3, (4, 8), **{"latent_dim": 2, "num_samples": 5} | arguments)


def problem(*spatial: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Images and labels of three annotators; of the first image the last is absent, the first in part."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(2, 1, *spatial, generator=generator)
    labels = torch.randint(3, (2, 3, *spatial), generator=generator).float()
    labels[0, -1] = -1
    labels[0, 0].view(-1)[1::2] = -1
    return image, labels


@pytest.mark.parametrize("spatial", [(8, 8), (5, 7), (1, 6), (1, 1), (4, 5, 6), (1, 2, 3)])
def test_shapes(spatial: tuple[int, ...]):
    network, (image, labels) = small(len(spatial)), problem(*spatial)
    log_probs, kl, chosen = network(image, labels)
    assert log_probs.shape == (2, 3, *spatial)
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(2, *spatial))
    assert kl.shape == (2,) and (kl > 0).all()
    assert chosen.shape == (2,) and chosen.dtype == torch.int64
    mean, samples = network.segment_as_annotators(image)
    assert mean.shape == (2, 3, *spatial)
    assert samples.shape == (2, 15, *spatial)
    torch.testing.assert_close(samples.unflatten(1, (5, 3)).mean(1), mean)
    torch.testing.assert_close(network.segment(image), mean)


def test_one_annotator_who_is_present_is_drawn_of_each_image_all_equally_likely():
    network = small()
    image, labels = problem(2, 2)
    image, labels = image.repeat(300, 1, 1, 1), labels.repeat(300, 1, 1, 1)
    chosen = network(image, labels)[2]
    first, second = Counter(chosen[::2].tolist()), Counter(chosen[1::2].tolist())
    assert set(first) == {0, 1} and set(second) == {0, 1, 2}
    assert abs(first[0] - 150) < 45  # 5 standard deviations
    assert max(abs(second[r] - 100) for r in range(3)) < 41
    torch.manual_seed(1)
    again = network(image, labels)
    torch.manual_seed(1)
    assert all(torch.equal(a, b) for a, b in zip(again, network(image, labels), strict=True))


def test_the_posterior_sees_image_and_label_and_its_divergence_is_returned():
    network, (image, labels) = small().double(), problem(8, 8)
    image, labels = image.double(), labels.double()
    _, kl, chosen = network(image, labels)
    prior = network.prior(image)
    for b, r in enumerate(chosen.tolist()):
        one_hot = torch.stack([labels[b, r] == c for c in range(3)]).double()
        mean, log_std = network.posterior(torch.cat([image[b], one_hot])[None])
        expected = gaussian_kl_divergence(mean, log_std, prior[0][b : b + 1], prior[1][b : b + 1])
        torch.testing.assert_close(kl[b : b + 1], expected)


def test_images_without_labels_are_sampled_from_the_prior():
    network, (image, labels) = small(), problem(8, 8)
    labels[1] = -1
    log_probs, kl, chosen = network(image, labels)
    assert chosen[1] == -1 and kl[1] == 0 and kl[0] > 0
    ProbabilisticLoss()(log_probs, kl, chosen, labels).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    log_probs, kl, chosen = network(image)
    assert kl.tolist() == [0, 0] and chosen.tolist() == [-1, -1]
    assert not torch.equal(log_probs, network(image)[0])


def test_the_latent_is_joined_at_every_pixel_as_by_a_convolution_of_both():
    network, (image, _) = small().double(), problem(4, 5)
    features = network.backbone(image.double())
    latent = torch.randn(2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    joined = torch.cat([features, latent[..., None, None].expand(-1, -1, 4, 5)], 1)
    weight = torch.cat([network.from_features.weight, network.from_latent.weight[..., None, None]], 1)
    hidden = torch.nn.functional.conv2d(joined, weight, network.from_features.bias)
    expected = network.combine(hidden).log_softmax(1)
    torch.testing.assert_close(network.log_probabilities(network.from_features(features), latent), expected)


def test_the_answer_depends_on_the_image_alone():
    network, (image, _) = small(), problem(8, 8)
    state = torch.get_rng_state()
    samples = network.segment_as_annotators(image)[1]
    assert torch.equal(torch.get_rng_state(), state)
    torch.testing.assert_close(network.segment_as_annotators(image[1:])[1], samples[1:])
    more = small(num_samples=9)
    more.load_state_dict(network.state_dict())
    assert more.segment_as_annotators(image)[1].shape == (2, 27, 8, 8)


def test_samples_follow_the_prior():
    network = small(num_samples=4000)
    noise = network.noise
    assert noise.mean(0).abs().max() < 0.06
    torch.testing.assert_close(noise.T.cov(), torch.eye(2), atol=0.08, rtol=0)


def test_it_learns_that_one_annotator_marks_what_the_other_leaves_blank():
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros(8, 2, 8, 8)
    labels[:, 1, 2:6, 2:6] = 1
    image = labels[:, 1:] + 0.3 * torch.randn(8, 1, 8, 8, generator=generator)
    network = ProbabilisticUNet(2, 1, 2, (8, 16), latent_dim=2, num_samples=200)
    optimizer, loss = torch.optim.Adam(network.parameters(), lr=0.01), ProbabilisticLoss()
    # Steps that end at 0, or the last one decides: the corner's share is 1e-7 or 0.09 by the seed or the processor
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=200)
    for _ in range(200):
        optimizer.zero_grad()
        value = loss(*network(image, labels), labels)
        value.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        mean, samples = network.segment_as_annotators(image)
    foreground = samples.unflatten(1, (200, 2))[:, :, 1]
    marked = foreground[..., 2:6, 2:6].mean((0, 2, 3))  # of each sample
    # Without a latent all samples are the same, half marked: both shares are 0. With it they are 0.2 to 0.6 by the
    # seed, since each step draws whom it follows; so does their mean, 0.3 to 0.7, where one annotator alone has 0 or 1
    assert (marked > 0.9).float().mean() > 0.05
    assert (marked < 0.1).float().mean() > 0.05
    assert 0.15 < mean[:, 1, 2:6, 2:6].mean() < 0.85
    assert mean[:, 1, 0].max() < 0.05
    assert value < 0.08  # without a latent every pixel of the square costs log 2, 0.17 on average


def test_the_gradient_of_the_bound_reaches_every_parameter():
    network, (image, labels) = small().double(), problem(8, 8)
    image, labels = image.double(), labels.double()

    def bound() -> torch.Tensor:
        torch.manual_seed(3)  # the same annotators and the same ε
        return ProbabilisticLoss()(*network(image, labels), labels)

    bound().backward()
    generator = torch.Generator().manual_seed(0)
    for name, parameter in network.named_parameters():
        if name.startswith("backbone") and "conv.bias" in name and "exit" not in name and "up" not in name:
            continue  # a bias before instance normalization has no effect
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        slope, step = (parameter.grad * direction).sum().item(), 1e-6
        with torch.no_grad():
            parameter += step * direction
            above = bound().item()
            parameter -= 2 * step * direction
            below = bound().item()
            parameter += step * direction
        assert slope != 0, name
        assert (above - below) / (2 * step) == pytest.approx(slope, rel=1e-3, abs=1e-7), name


@pytest.mark.parametrize("extreme", [-1e30, -100.0, 100.0, 1e30])
def test_extreme_deviations_stay_finite(extreme: float):
    network, (image, labels) = small(), problem(8, 8)
    with torch.no_grad():
        network.posterior.moments.bias[2:] = extreme
        network.prior.moments.bias[2:] = -extreme
    log_probs, kl, chosen = network(image, labels)
    loss = ProbabilisticLoss()(log_probs, kl, chosen, labels)
    loss.backward()
    assert kl.isfinite().all() and loss.isfinite()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    assert network.segment(image).isfinite().all()


def test_deep_encoders_start_with_different_answers_to_different_images():
    torch.manual_seed(0)
    network = ProbabilisticUNet(2, 1, 2, (8, 8, 8, 8, 8, 8))
    image = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    first, second = network.prior.convolutions(image).mean((2, 3))
    assert (first - second).norm() > 0.2 * first.norm()  # under 0.0001 from PyTorch's own start


def test_under_amp_divergence_and_probabilities_are_float32():
    network, (image, labels) = small(), problem(8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        log_probs, kl, chosen = network(image, labels)
        loss = ProbabilisticLoss()(log_probs, kl, chosen, labels)
        mean = network.segment(image)
    assert log_probs.dtype == kl.dtype == loss.dtype == mean.dtype == torch.float32
    torch.testing.assert_close(log_probs.exp().sum(1), torch.ones(2, 8, 8))
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


def test_images_with_metadata():
    network, (image, labels) = small(), problem(8, 8)
    outputs = network(MetaTensor(image), MetaTensor(labels))
    assert ProbabilisticLoss()(*outputs, MetaTensor(labels)).isfinite()


def test_windows_can_be_blended():
    network, (image, _) = small(), problem(12, 20)
    with torch.no_grad():
        mean, samples = SlidingWindowInferer((8, 8), overlap=0.5)(image, network.segment_as_annotators)
    assert samples.shape == (2, 15, 12, 20)
    torch.testing.assert_close(samples.unflatten(1, (5, 3)).mean(1), mean)


def test_torchscript(tmp_path):
    network, (image, labels) = small().eval(), problem(9, 7)
    torch.jit.script(network).save(tmp_path / "network.ts")
    script = torch.jit.load(tmp_path / "network.ts")
    torch.testing.assert_close(script.segment(image), network.segment(image))
    torch.testing.assert_close(script.segment_as_annotators(image)[1], network.segment_as_annotators(image)[1])
    for given in ((image,), (image, labels)):
        torch.manual_seed(1)
        ours = network(*given)
        torch.manual_seed(1)
        for a, b in zip(ours, script(*given), strict=True):
            torch.testing.assert_close(a, b)


def test_mistakes_are_named():
    with pytest.raises(ArgumentError, match="got 1, 6 and 16"):
        ProbabilisticUNet(2, 1, num_classes=1)
    with pytest.raises(ArgumentError, match="got 3, 0 and 5"):
        small(latent_dim=0)
    with pytest.raises(ArgumentError, match="got 3, 2 and 0"):
        small(num_samples=0)
    with pytest.raises(ArgumentError, match="spatial_dims: expected 2 or 3, got 4"):
        small(4)
    with pytest.raises(ArgumentError, match="at least one channel"):
        ProbabilisticUNet(2, 1, 2, features=())
    image, labels = problem(8, 8)
    for wrong in (labels[..., 1:], labels[:1], labels[:, :0]):
        with pytest.raises(ArgumentError, match=r"labels: expected \(batch, annotator, \*spatial\)"):
            small()(image, wrong)
