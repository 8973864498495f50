"""One network for the truth and for the errors of each annotator, on the features of any backbone."""

from __future__ import annotations

import math
from typing import Any

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers import Conv
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError
from common.losses.annotator_confusion import annotator_log_probabilities

__all__ = ["AnnotatorNetwork", "ConfusionHead", "GlobalConfusion"]


class ConfusionHead(nn.Module):
    """Confusion matrices of every annotator at every pixel, from feature maps.

        A⁽ʳ⁾ = softmax_i(Z⁽ʳ⁾),   Z⁽ʳ⁾ = a map for each entry,
                                    or B₁⁽ʳ⁾·B₂⁽ʳ⁾ᵀ of a given rank,
                                    or s⁽ʳ⁾·I + B₁⁽ʳ⁾·B₂⁽ʳ⁾ᵀ with ``add_identity``,

    with ``A[i, j] = p(noisy = i | true = j)``; the softmax runs over i, so that entries are positive and columns sum to
    1. At the start the weights are 0 and the matrices are the same everywhere: ``initial_accuracy`` on the diagonal,
    the rest shared equally. Below the rank L − 1 that is out of reach without s·I: columns then start less sure, with
    the largest entry on the diagonal for rank 2 and more; rank 1 can tell background from foreground only, with its
    entries equal among the foreground classes.

    Rank 1 alone cannot represent a good annotator of L ≥ 3 classes. Column j of B₁·B₂ᵀ is b₁ times a number, so that
    its largest entry stands where b₁ is largest or smallest: in at most two columns on the diagonal alone. Hence

        A[j, j] ≤ 1/2 in at least L − 2 columns,   −(1/L) Σ_j log A[j, j] ≥ (L − 2)/L · log 2,

    0.23 nats for 3 and 0.35 nats for 4 classes where an annotator without errors has 0. With s → ∞ the diagonal of
    s·I + B₁·B₂ᵀ tends to 1 at any rank, and B₁·B₂ᵀ is left to say which classes are mixed up.

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, section 3.2 and
    appendix A.4. Errata: the softmax of B₁·B₂ᵀ; s·I, which A.4 does not have and the published code adds, is an option.

    Args:
        spatial_dims: 2 or 3.
        in_channels: of the features.
        num_classes: L ≥ 2, background included.
        num_annotators: R ≥ 1.
        rank: None for all L² entries; else from 1 to L − 1 (as a column of Z may be shifted without effect, L − 1 has
            no less freedom than None), with 2·L·rank maps per annotator. It saves weights; memory it does not save as
            long as L is small, since the L² entries of A are needed all the same.
        add_identity: whether s·I is added, s a map for each annotator; of a rank that is not None.
        hidden_channels: of a 3ⁿ convolution with instance normalization and PReLU, shared by all annotators, before the
            1ⁿ convolution; None for the latter alone.
        initial_accuracy: at the start, p(noisy = j | true = j), above 0 and below 1; 1/L starts from uniform matrices.

    Shapes:
        ``(B, in_channels, *spatial)`` → log A, ``(B, R, L, L, *spatial)``; float64 for float64, else float32.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> head = ConfusionHead(spatial_dims=2, in_channels=8, num_classes=3, num_annotators=5)
        >>> head(torch.rand(1, 8, 4, 4))[0, 2, :, :, 0, 0].exp()
        tensor([[0.9000, 0.0500, 0.0500],
                [0.0500, 0.9000, 0.0500],
                [0.0500, 0.0500, 0.9000]], grad_fn=<ExpBackward0>)
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        num_classes: int,
        num_annotators: int,
        rank: int | None = None,
        hidden_channels: int | None = None,
        initial_accuracy: float = 0.9,
        add_identity: bool = False,
    ) -> None:
        super().__init__()
        margin = _logit_margin(num_classes, num_annotators, initial_accuracy)
        if rank is not None and not 1 <= rank < num_classes:
            raise ArgumentError(f"rank: expected None or 1 to {num_classes - 1} for {num_classes} classes, got {rank}.")
        if add_identity and rank is None:
            raise ArgumentError("add_identity: expected a rank with it, for all entries hold the identity already.")
        self.add_identity = add_identity
        if rank is None:
            self.shape = [num_classes, num_classes]
            start = margin * torch.eye(num_classes)
        else:
            self.shape = [2, num_classes, rank]
            directions = _class_directions(num_classes, rank)
            columns = torch.zeros_like(directions) if add_identity else margin * (1 - 1 / num_classes) * directions
            start = torch.stack((directions, columns))
        # of one annotator: the entries of Z or of B₁ and B₂, then s
        start = torch.cat((start.flatten(), torch.full((int(add_identity),), margin)))
        self.per_annotator = len(start)
        self.hidden = (
            nn.Identity()
            if hidden_channels is None
            else Convolution(spatial_dims, in_channels, hidden_channels, adn_ordering="NA")
        )
        self.entries = Conv["conv", spatial_dims](
            hidden_channels or in_channels, num_annotators * self.per_annotator, kernel_size=1
        )
        nn.init.zeros_(self.entries.weight)
        with torch.no_grad():
            self.entries.bias.copy_(start.repeat(num_annotators))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        entries = self.entries(self.hidden(features)).unflatten(1, [-1, self.per_annotator])
        if len(self.shape) == 2:
            return _log_softmax(entries.unflatten(2, self.shape), 2)
        entries = _float(entries)
        scale = entries[:, :, -1, None, None]
        if self.add_identity:
            entries = entries[:, :, :-1]
        rows, columns = entries.unflatten(2, self.shape).unbind(2)
        logits = rows[:, :, :, None, 0] * columns[:, :, None, :, 0]
        for k in range(1, self.shape[-1]):
            logits = torch.addcmul(logits, rows[:, :, :, None, k], columns[:, :, None, :, k])
        if self.add_identity:
            identity = torch.eye(logits.shape[2], dtype=logits.dtype, device=logits.device)
            logits = torch.addcmul(logits, scale, identity.view(list(identity.shape) + [1] * (logits.dim() - 4)))
        return _log_softmax(logits, 2)


class GlobalConfusion(nn.Module):
    """One confusion matrix per annotator, the same at every pixel of every image.

        A⁽ʳ⁾ = softmax_i(Z⁽ʳ⁾),   Z an L × L parameter

    The model of STAPLE, learned with the network. It starts as `ConfusionHead` does.

    Args:
        num_classes: L ≥ 2, background included.
        num_annotators: R ≥ 1.
        initial_accuracy: at the start, p(noisy = j | true = j), above 0 and below 1.

    Shapes:
        Features ``(B, F, *spatial)``, whose values are not used → log A, ``(B, R, L, L, *spatial)``, a view of R·L²
        numbers.

    Raises:
        ArgumentError: if an argument is out of range.

    Example:
        >>> GlobalConfusion(num_classes=2, num_annotators=3)(torch.rand(1, 8, 4, 4)).shape
        torch.Size([1, 3, 2, 2, 4, 4])
    """

    def __init__(self, num_classes: int, num_annotators: int, initial_accuracy: float = 0.9) -> None:
        super().__init__()
        margin = _logit_margin(num_classes, num_annotators, initial_accuracy)
        self.logits = nn.Parameter((margin * torch.eye(num_classes)).repeat(num_annotators, 1, 1))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        log_confusion = _log_softmax(self.logits, 1)
        log_confusion = log_confusion.view([1] + list(log_confusion.shape) + [1] * (features.ndim - 2))
        return log_confusion.expand(features.shape[:1] + log_confusion.shape[1:4] + features.shape[2:])


class AnnotatorNetwork(nn.Module):
    """Any segmentation network, made to estimate the truth and each annotator's confusion matrices.

    The backbone gives F feature maps of the image's size instead of logits: any MONAI network, with F as its
    ``out_channels``. A 1ⁿ convolution with softmax makes them the truth's probabilities, a `ConfusionHead` or
    `GlobalConfusion` the annotators' matrices. Train with `common.losses.AnnotatorConfusionLoss`.

    Zhang et al., *Disentangling Human Error from Ground Truth in Segmentation of Medical Images*, figure 1.

    Args:
        backbone: ``(B, C, *spatial)`` → ``(B, feature_channels, *spatial)``.
        spatial_dims: 2 or 3.
        feature_channels: F, the backbone's ``out_channels``.
        num_classes: L ≥ 2, background included.
        num_annotators: R ≥ 1.
        image_dependent: whether the matrices depend on image and pixel; if not, `GlobalConfusion`.
        rank, hidden_channels, add_identity: see `ConfusionHead`; of no use unless ``image_dependent``.
        initial_accuracy: at the start, p(noisy = j | true = j), above 0 and below 1.

    Raises:
        ArgumentError: if an argument is out of range, or the backbone gives something else than F maps.

    Example:
        >>> from monai.networks.nets import BasicUNet
        >>> backbone = BasicUNet(spatial_dims=2, in_channels=1, out_channels=16, features=(8, 8, 8, 8, 8, 8))
        >>> network = AnnotatorNetwork(backbone, 2, feature_channels=16, num_classes=2, num_annotators=5)
        >>> [tuple(tensor.shape) for tensor in network(torch.rand(1, 1, 32, 32))]
        [(1, 2, 32, 32), (1, 5, 2, 2, 32, 32)]
    """

    def __init__(
        self,
        backbone: nn.Module,
        spatial_dims: int,
        feature_channels: int,
        num_classes: int,
        num_annotators: int,
        image_dependent: bool = True,
        rank: int | None = None,
        hidden_channels: int | None = None,
        initial_accuracy: float = 0.9,
        add_identity: bool = False,
    ) -> None:
        super().__init__()
        if not image_dependent and (rank is not None or hidden_channels is not None or add_identity):
            raise ArgumentError(
                "rank, hidden_channels and add_identity: expected none with image_dependent=False, got one."
            )
        self.backbone = backbone
        self.feature_channels = feature_channels
        self.truth = Conv["conv", spatial_dims](feature_channels, num_classes, kernel_size=1)
        self.confusion = (
            ConfusionHead(
                spatial_dims,
                feature_channels,
                num_classes,
                num_annotators,
                rank,
                hidden_channels,
                initial_accuracy,
                add_identity,
            )
            if image_dependent
            else GlobalConfusion(num_classes, num_annotators, initial_accuracy)
        )

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Truth and annotators in log space.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            log p of the true class, ``(B, L, *spatial)``, and log A, ``(B, R, L, L, *spatial)``; float64 for float64,
            else float32, under AMP too.
        """
        features = self._features(image)
        return _log_softmax(self.truth(features), 1), self.confusion(features)

    @torch.jit.export
    def segment(self, image: torch.Tensor) -> torch.Tensor:
        """The truth's probabilities alone.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, summing to 1 over the classes.
        """
        return _log_softmax(self.truth(self._features(image)), 1).exp()

    @torch.jit.export
    def segment_as_annotators(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The probabilities of the truth and of what each annotator would write.

        Both have one channel dimension and can be averaged over windows, so that MONAI's `SlidingWindowInferer` takes
        this method as its network.

        Args:
            image: ``(B, C, *spatial)``.

        Returns:
            ``(B, L, *spatial)``, and A⁽ʳ⁾·p as ``(B, R·L, *spatial)``: the L classes of the first annotator first.
        """
        log_probs, log_confusion = self(image)
        return log_probs.exp(), annotator_log_probabilities(log_probs, log_confusion).exp().flatten(1, 2)

    def _features(self, image: torch.Tensor) -> torch.Tensor:
        features = self.backbone(image)
        if not torch.jit.is_scripting():
            self._check(features, (len(image), self.feature_channels, *image.shape[2:]))
        return features

    @torch.jit.unused
    def _check(self, features: Any, expected: tuple[int, ...]) -> None:
        found = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features).__name__
        if found != expected:
            raise ArgumentError(f"backbone: expected feature maps of shape {expected}, got {found}.")


def _logit_margin(num_classes: int, num_annotators: int, accuracy: float) -> float:
    """How much a logit must exceed the L − 1 others for the softmax to be ``accuracy``, of checked arguments."""
    if num_classes < 2 or num_annotators < 1:
        raise ArgumentError(
            f"Expected two or more classes and one or more annotators, got {num_classes} and {num_annotators}."
        )
    if not 0 < accuracy < 1:
        raise ArgumentError(f"initial_accuracy: expected a number above 0 and below 1, got {accuracy}.")
    return math.log(accuracy * (num_classes - 1) / (1 - accuracy))


def _class_directions(num_classes: int, rank: int) -> torch.Tensor:
    """Unit vectors ``(num_classes, rank)``, all different for two and more dimensions.

    Of different unit vectors, each has its largest scalar product with itself. They are the first waves of the discrete
    Fourier transform: points evenly spaced on a circle for two dimensions, and for rank = L − 1 the corners of a
    simplex, whose products are all −1/(L − 1).
    """
    classes = torch.arange(num_classes)
    if rank == 1:
        return torch.where(classes == 0, 1.0, -1.0)[:, None]
    waves = torch.arange(rank)
    angles = 2 * math.pi / num_classes * torch.outer(classes, waves // 2 + 1)
    amplitude = torch.where(2 * (waves // 2 + 1) == num_classes, math.sqrt(0.5), 1.0)  # the shortest wave has no sine
    return functional.normalize(amplitude * torch.cos(angles - math.pi / 2 * (waves % 2)), dim=1)


def _float(values: torch.Tensor) -> torch.Tensor:
    return values if values.dtype == torch.float64 else values.float()


def _log_softmax(logits: torch.Tensor, dim: int) -> torch.Tensor:
    return functional.log_softmax(_float(logits), dim)
