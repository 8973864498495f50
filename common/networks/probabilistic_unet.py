"""The probabilistic U-Net: a distribution over whole segmentations, by a latent of few dimensions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers import Conv
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError
from common.losses.probabilistic import gaussian_kl_divergence
from common.networks.unet import UNet

__all__ = ["ProbabilisticUNet"]


class ProbabilisticUNet(nn.Module):
    """Segmentations of one image that differ as annotators do, as samples of a conditional variational autoencoder.

        p(y | x) = ∫ softmax f(g(x), z) · p(z | x) dz,   p(z | x) and q(z | x, y) axis-aligned Gaussians

    g are the feature maps of a `UNet`, f three 1ⁿ convolutions that see z at every pixel. Prior and posterior are
    encoders of the `UNet`'s widths, followed by global average pooling; they have no normalization, which would hide
    from the pooling how large a structure is. Train with `common.losses.ProbabilisticLoss`; an image has one annotator
    drawn per pass, so that in the long run all are seen, though their names are not.

    Kohl et al., *A Probabilistic U-Net for Segmentation of Ambiguous Images*, section 2; a baseline of tables 1 to 3 in
    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the image.
        num_classes: L ≥ 2, background included.
        features: of each resolution, see `UNet`.
        latent_dim: D ≥ 1, dimensions of z (the paper: 6).
        num_samples: N ≥ 1, of the prior, for `segment`. They are z = μ + σ·ε for the same N draws of ε in every call,
            so that the answer depends on the image alone and windows of an image fit together.

    Raises:
        ArgumentError: if an argument is out of range, or labels do not fit the image.

    Example:
        >>> network = ProbabilisticUNet(spatial_dims=2, in_channels=1, num_classes=2, features=(4, 8))
        >>> image, labels = torch.rand(1, 1, 8, 8), torch.ones(1, 3, 8, 8)
        >>> [tuple(tensor.shape) for tensor in network(image, labels)]
        [(1, 2, 8, 8), (1,), (1,)]
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        features: Sequence[int] = (32, 64, 128, 192),
        latent_dim: int = 6,
        num_samples: int = 16,
    ) -> None:
        super().__init__()
        if num_classes < 2 or min(latent_dim, num_samples) < 1:
            raise ArgumentError(
                "Expected two or more classes, one or more latent dimensions and samples, "
                f"got {num_classes}, {latent_dim} and {num_samples}."
            )
        self.num_classes = num_classes
        self.backbone = UNet(spatial_dims, in_channels, features[0] if features else 0, features)
        self.prior = _GaussianEncoder(spatial_dims, in_channels, features, latent_dim)
        self.posterior = _GaussianEncoder(spatial_dims, in_channels + num_classes, features, latent_dim)
        # a 1ⁿ convolution of the feature maps beside z, whose part is the same at every pixel
        self.from_features = Conv["conv", spatial_dims](features[0], features[0], kernel_size=1)
        self.from_latent = nn.Linear(latent_dim, features[0], bias=False)
        self.combine = nn.Sequential(
            nn.ReLU(),
            Conv["conv", spatial_dims](features[0], features[0], kernel_size=1),
            nn.ReLU(),
            Conv["conv", spatial_dims](features[0], num_classes, kernel_size=1),
        )
        noise = torch.randn(num_samples, latent_dim, generator=torch.Generator().manual_seed(0))
        self.noise = nn.Buffer(noise, persistent=False)

    def forward(
        self, image: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One segmentation per image: with labels a reconstruction, without them a sample.

        Args:
            image: ``(B, C, *spatial)``.
            labels: class indices ``(B, R, *spatial)`` of any type, −1 where the annotator did not label. One annotator
                of each image is drawn, each who labeled at least one pixel equally likely, and z from the posterior
                given this label. None draws z from the prior.

        Returns:
            log p of the classes given z, ``(B, L, *spatial)``; KL of the posterior from the prior, ``(B,)``; and the
            annotator drawn, ``(B,)`` int64. Without labels (of an image, or at all) z is the prior's, the divergence 0
            and the annotator −1. Floats are float64 for float64, else float32, under AMP too. Annotator and z come from
            PyTorch's own generator, as dropout does.

        Raises:
            ArgumentError: the labels are of other images than these, or of no annotator.
        """
        mean, log_std = self.prior(image)
        kl, chosen = torch.zeros_like(mean[:, 0]), torch.full_like(mean[:, 0], -1, dtype=torch.int64)
        if labels is not None:
            if labels.shape[:1] + labels.shape[2:] != image.shape[:1] + image.shape[2:] or labels.shape[1] < 1:
                raise ArgumentError(
                    f"labels: expected (batch, annotator, *spatial) for the image of shape {list(image.shape)}, "
                    f"got {list(labels.shape)}."
                )
            if not torch.jit.is_scripting():
                labels = labels.as_subclass(torch.Tensor)  # MetaTensor would look for metadata at every index
            chosen, one_hot = self._draw_annotator(labels)
            seen_mean, seen_log_std = self.posterior(torch.cat([image, one_hot.to(image.dtype)], 1))
            labeled = chosen >= 0
            kl = torch.where(labeled, gaussian_kl_divergence(seen_mean, seen_log_std, mean, log_std), kl)
            mean = torch.where(labeled[:, None], seen_mean, mean)
            log_std = torch.where(labeled[:, None], seen_log_std, log_std)
        latent = mean + log_std.exp() * torch.randn_like(mean)
        return self.log_probabilities(self.from_features(self.backbone(image)), latent), kl, chosen

    @torch.jit.export
    def segment(self, image: torch.Tensor) -> torch.Tensor:
        """The mean probabilities of the N samples of the prior.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, summing to 1 over the classes.
        """
        return self.segment_as_annotators(image)[0]

    @torch.jit.export
    def segment_as_annotators(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The probabilities of N samples of the prior and their mean, for windows as in `AnnotatorNetwork`.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)`` and ``(B, N·L, *spatial)``: the L classes of the first sample first.
        """
        mean, log_std = self.prior(image)
        features = self.from_features(self.backbone(image))
        samples = torch.stack(
            [
                self.log_probabilities(features, mean + log_std.exp() * self.noise[n].to(mean.dtype)).exp()
                for n in range(self.noise.shape[0])
            ],
            1,
        )
        return samples.mean(1), samples.flatten(1, 2)

    def log_probabilities(self, features: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """The logarithm of the classes' probabilities of one sample.

        Args:
            features: of the image, ``(B, F, *spatial)``, through ``from_features``.
            latent: the sample of each image, ``(B, latent_dim)``.

        Returns:
            ``(B, L, *spatial)`` float32 or float64.
        """
        shift = self.from_latent(latent)
        for _ in range(features.dim() - 2):
            shift = shift.unsqueeze(-1)
        return functional.log_softmax(_float(self.combine(features + shift)), 1)

    def _draw_annotator(self, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The index of one annotator per image, −1 where there is none, and its label ``(B, L, *spatial)``."""
        present = (labels >= 0).flatten(2).any(2)
        labeled = present.any(1)
        weights = torch.where(labeled[:, None], present, torch.ones_like(present)).float()
        drawn = torch.multinomial(weights, 1)[:, 0]
        label = labels[torch.arange(labels.shape[0], device=labels.device), drawn].long()
        one_hot = torch.stack([label == c for c in range(self.num_classes)], 1)
        return torch.where(labeled, drawn, torch.full_like(drawn, -1)), one_hot


class _GaussianEncoder(nn.Module):
    """``(B, C, *spatial)`` → mean and log of the standard deviation ``(B, latent_dim)`` of a Gaussian."""

    def __init__(self, spatial_dims: int, in_channels: int, features: Sequence[int], latent_dim: int) -> None:
        super().__init__()
        channels = [in_channels, *features]
        self.convolutions = nn.Sequential()
        for level, width in enumerate(features):
            for inputs, strides in ((channels[level], 2 if level else 1), (width, 1)):
                self.convolutions.append(
                    Convolution(spatial_dims, inputs, width, strides, adn_ordering="A", act="relu")
                )
        for parameter in self.convolutions.parameters():  # without normalization the default start fades by the layer
            if parameter.ndim > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)
        self.moments = nn.Linear(features[-1], 2 * latent_dim)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        pooled = self.convolutions(x).flatten(2).mean(2)
        mean, log_std = _float(self.moments(pooled)).chunk(2, 1)
        bound = 10.0  # σ from 5e-5 to 2e4: float32 holds the square of two such numbers' ratio
        return mean, bound * torch.tanh(log_std / bound)


def _float(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()
