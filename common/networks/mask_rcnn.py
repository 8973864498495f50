"""Improved Mask R-CNN: instance segmentation of two-dimensional images with soft masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool
from monai.networks.nets import ResNet
from torch import nn
from torch.nn import functional

from common.errors import ArgumentError
from common.networks.box_head import BoxHead
from common.networks.mask_head import MaskHead
from common.networks.region_align import paste_masks
from common.networks.region_proposal import RegionProposalNetwork

__all__ = ["IMaskRCNN", "PyramidBackbone", "class_probabilities"]

NOT_EXPORTED = (
    "A Mask R-CNN cannot be exported to TorchScript, ONNX or torch.export: how many regions it finds depends on the "
    "image; the U-Net of configs/unet.yaml can."
)


class PyramidBackbone(nn.Module):
    """MONAI's residual network with MONAI's feature pyramid: five levels of strides 4, 8, 16, 32 and 64.

    Args:
        in_channels: of the images.
        block: ``"basic"`` or ``"bottleneck"``.
        layers: blocks of each of the four stages; ResNet-50 is ``"bottleneck"`` with 3, 4, 6, 3.
        features: channels of each stage (a bottleneck's output has four times as many).
        channels: of every level of the pyramid.

    Shapes:
        ``(B, in_channels, H, W)`` with sides that 32 divides → a list of ``(B, channels, H/s, W/s)``.
    """

    strides = (4, 8, 16, 32, 64)

    def __init__(
        self,
        in_channels: int,
        block: str = "bottleneck",
        layers: Sequence[int] = (3, 4, 6, 3),
        features: Sequence[int] = (64, 128, 256, 512),
        channels: int = 256,
    ) -> None:
        super().__init__()
        network = ResNet(
            block,
            list(layers),
            list(features),
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_stride=2,
            feed_forward=False,
        )
        self.stem = nn.Sequential(network.conv1, network.bn1, network.act, network.maxpool)
        self.stages = nn.ModuleList([network.layer1, network.layer2, network.layer3, network.layer4])
        expansion = network.in_planes // features[-1]
        self.pyramid = FeaturePyramidNetwork(2, [expansion * f for f in features], channels, LastLevelMaxPool(2))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        x = self.stem(images)
        stages = {}
        for index, stage in enumerate(self.stages):
            x = stage(x)
            stages[str(index)] = x
        return list(self.pyramid(stages).values())


def class_probabilities(
    detections: Sequence[Mapping[str, torch.Tensor]], num_classes: int, score_threshold: float = 0.5
) -> torch.Tensor:
    """Detections as a semantic segmentation: of each pixel and class the largest probability of any mask.

    Args:
        detections: of each image ``classes`` and ``scores`` ``(D,)`` and ``masks`` ``(D, H, W)``; at least one image.
        num_classes: K, without the background.
        score_threshold: detections below it are left out.

    Returns:
        ``(B, K, H, W)`` in [0, 1], 0 where nothing is detected.

    Example:
        >>> masks, scores = torch.tensor([[[0.7, 0.2]], [[0.4, 0.9]]]), torch.tensor([0.8, 0.6])
        >>> class_probabilities([{"masks": masks, "classes": torch.tensor([1, 1]), "scores": scores}], 2)[0, :, 0]
        tensor([[0.7000, 0.9000],
                [0.0000, 0.0000]])
    """
    return class_maps(detections, num_classes, score_threshold)[0]


def class_maps(
    detections: Sequence[Mapping[str, torch.Tensor]], num_classes: int, score_threshold: float = 0.5
) -> tuple[torch.Tensor, torch.Tensor]:
    """`class_probabilities`, and of each pixel and class the score of the detection whose mask gives it.

    Args:
        detections, num_classes, score_threshold: of `class_probabilities`.

    Returns:
        Two of ``(B, K, H, W)`` in [0, 1], 0 where nothing is detected.

    Example:
        >>> masks, scores = torch.tensor([[[0.7, 0.2]], [[0.4, 0.9]]]), torch.tensor([0.8, 0.6])
        >>> class_maps([{"masks": masks, "classes": torch.tensor([1, 1]), "scores": scores}], 2)[1][0, :, 0]
        tensor([[0.8000, 0.6000],
                [0.0000, 0.0000]])
    """
    maps, score_maps = [], []
    for found in detections:
        for label in range(1, num_classes + 1):
            chosen = (found["classes"] == label) & (found["scores"] >= score_threshold)
            empty = found["masks"].new_zeros(1, *found["masks"].shape[1:])
            probability, index = torch.cat((empty, found["masks"][chosen])).max(0)
            scores = torch.cat((found["scores"].new_zeros(1), found["scores"][chosen]))
            maps.append(probability)
            score_maps.append(torch.where(probability > 0, scores[index], 0))
    return tuple(torch.stack(values).unflatten(0, (-1, num_classes)) for values in (maps, score_maps))


class IMaskRCNN(nn.Module):
    """Improved Mask R-CNN of Felfeliyan et al., with any loss of soft masks.

    A residual network with a feature pyramid, a region proposal network, a box head for class and box, and a mask head
    with a second RoIAlign and a skip connection (see `MaskHead`); of the five losses only the mask's is configurable,
    the others are those of Mask R-CNN. Two-dimensional; three neighboring slices as channels give it the third
    dimension (2.5-D). *Weakly Supervised Medical Image Segmentation With Soft Labels and Noise Robust Loss*, section
    III.B and III.C.

    Called with images alone it is a segmentation network, whose output is the `class_probabilities` of what `detect`
    finds, so what MONAI has for segmentation networks takes it as it is; called with targets it gives the losses.

    Boxes are pixels in MONAI's ``StandardMode``: starts, then ends, axis H before axis W. Classes are 1 … num_classes,
    0 is the background. What it draws are PyTorch's random numbers: a seed repeats a training step (bit for bit on the
    CPU).

    Images of any size are accepted, sides that 32 does not divide are extended by zeros and the results refer to the
    image as it came. Training needs more than one pixel at stride 32 in the whole batch, because its normalization is
    over the batch.

    Args:
        mask_loss: of logits and soft target, both ``(N, 1, M, M)``, a scalar: `SoftActivePassiveLoss` with ``sigmoid``.
            Only training needs it.
        in_channels: of the images, 3 slices.
        num_classes: without the background.
        block, layers, features: of the residual network, see `PyramidBackbone`; the default is ResNet-50.
        channels: of the pyramid and the mask head.
        hidden: units of the box head's linear layers.
        anchor_sizes: side in pixels of the anchors of the strides 4, 8, 16, 32, 64.
        aspect_ratios: of the anchors.
        proposals: of an image, at most, and of each level before non-maximum suppression.
        anchor_samples, region_samples: of an image, at most, on which proposals and heads are trained.
        mask_cells: of the mask head's first RoIAlign; masks have four times as many.
        score_threshold: detections below it are dropped.
        detections: of an image, at most.
        map_threshold: score from which a detection is part of the segmentation.
        spatial_dims: 2; boxes and anchors lie in a plane.

    Raises:
        ArgumentError: if there is no class, another number of dimensions, other numbers of layers and features, or
            images or targets do not fit.

    Example:
        >>> from common.losses import SoftActivePassiveLoss
        >>> network = IMaskRCNN(
        ...     SoftActivePassiveLoss(sigmoid=True),
        ...     block="basic", layers=(1, 1, 1, 1), features=(4, 4, 4, 4), channels=4, hidden=8, mask_cells=7,
        ... )
        >>> target = {"boxes": torch.tensor([[8.0, 8, 40, 40]]), "classes": torch.tensor([1])}
        >>> losses = network(torch.zeros(2, 3, 64, 64), [target | {"masks": torch.rand(1, 64, 64)}] * 2)
        >>> sorted(losses)
        ['box', 'class', 'mask', 'rpn_box', 'rpn_objectness']
        >>> network.eval()(torch.zeros(1, 3, 64, 64)).shape, sorted(network.detect(torch.zeros(1, 3, 64, 64))[0])
        (torch.Size([1, 1, 64, 64]), ['boxes', 'classes', 'masks', 'scores'])
    """

    def __init__(
        self,
        mask_loss: nn.Module | None = None,
        in_channels: int = 3,
        num_classes: int = 1,
        *,
        block: str = "bottleneck",
        layers: Sequence[int] = (3, 4, 6, 3),
        features: Sequence[int] = (64, 128, 256, 512),
        channels: int = 256,
        hidden: int = 1024,
        anchor_sizes: Sequence[int] = (8, 16, 32, 64, 128),
        aspect_ratios: Sequence[float] = (0.5, 1.0, 2.0),
        proposals: int = 1000,
        anchor_samples: int = 256,
        region_samples: int = 200,
        mask_cells: int = 14,
        score_threshold: float = 0.05,
        detections: int = 100,
        map_threshold: float = 0.5,
        spatial_dims: int = 2,
    ) -> None:
        super().__init__()
        if spatial_dims != 2:
            raise ArgumentError(
                f"spatial_dims: a Mask R-CNN has 2 and takes volumes slice by slice, got {spatial_dims}; the U-Net of "
                "configs/unet.yaml has 2 or 3."
            )
        if len(features) != len(layers):
            raise ArgumentError(
                f"features: expected one number for each of the {len(layers)} layers of the Mask R-CNN, got "
                f"{list(features)}; a network that was trained with configs/unet.yaml is read with that overlay."
            )
        if num_classes < 1:
            raise ArgumentError(f"num_classes: expected at least one beside the background, got {num_classes}.")
        self.num_classes, self.map_threshold = num_classes, map_threshold
        self.backbone = PyramidBackbone(in_channels, block, layers, features, channels)
        strides = self.backbone.strides
        self.proposals = RegionProposalNetwork(
            channels, strides, anchor_sizes, aspect_ratios, proposals, proposals, samples=anchor_samples
        )
        self.box_head = BoxHead(
            channels,
            num_classes,
            strides[:-1],
            hidden,
            samples=region_samples,
            score_threshold=score_threshold,
            detections=detections,
        )
        self.mask_head = MaskHead(channels, num_classes, strides[:-1], mask_loss, channels, cells=mask_cells)

    def __prepare_scriptable__(self) -> nn.Module:
        raise ArgumentError(NOT_EXPORTED)  # before TorchScript stumbles over a type

    def forward(
        self, images: torch.Tensor, targets: Sequence[dict[str, torch.Tensor]] | None = None
    ) -> dict[str, torch.Tensor] | torch.Tensor:
        """The losses of a batch with its targets, or a segmentation without.

        Args:
            images: ``(B, in_channels, H, W)``.
            targets: of each image ``boxes`` ``(N, 4)``, ``classes`` ``(N,)`` in 1 … num_classes and ``masks``
                ``(N, H, W)`` from 0 to 1, N ≥ 0; where not all was labeled, ``unlabeled`` ``(H, W)``, True where nobody
                did: regions that lie there are no examples of background.

        Returns:
            With targets the scalars ``rpn_objectness``, ``rpn_box``, ``class``, ``box`` and ``mask``. Without,
            ``(B, num_classes, H, W)``, see `class_probabilities`.

        Raises:
            ArgumentError: if images or targets do not fit, there is no loss of the masks to train with, or the network
                is to be exported.
        """
        if torch.compiler.is_exporting() or torch.jit.is_tracing():
            raise ArgumentError(NOT_EXPORTED)
        if targets is None:
            return class_probabilities(self.detect(images, self.map_threshold), self.num_classes, self.map_threshold)
        images = self._plain(images)
        truth = self._checked(targets, images)
        features = self._features(images)
        boxes, unlabeled = ([target[key] for target in truth] for key in ("boxes", "unlabeled"))
        proposals, losses = self.proposals(features, images.shape[2:], boxes, unlabeled)
        regions = self.box_head.sample(proposals, truth)
        losses |= self.box_head.losses(features[:-1], regions, truth)  # the coarsest level only proposes
        return losses | self.mask_head.losses(features[:-1], regions, truth)

    def detect(self, images: torch.Tensor, min_score: float = 0.0) -> list[dict[str, torch.Tensor]]:
        """The instances of each image.

        Args:
            images: ``(B, in_channels, H, W)``.
            min_score: in [0, 1]; instances below it are left out before their masks are computed, which is most of the
                time.

        Returns:
            A dictionary for each image: ``boxes`` ``(D, 4)``, ``classes`` ``(D,)``, ``scores`` ``(D,)`` and ``masks``
            ``(D, H, W)``, the probability of every pixel, 0 outside the box; the best score first, D ≥ 0.

        Raises:
            ArgumentError: if the images do not fit.
        """
        images = self._plain(images)
        size, features = images.shape[2:], self._features(images)
        found = [
            {key: value[one["scores"] >= min_score] for key, value in one.items()}
            for one in self.box_head.detect(features[:-1], self.proposals(features, size)[0], size)
        ]
        masks = self.mask_head.probabilities(features[:-1], found)
        return [one | {"masks": paste_masks(mask, one["boxes"], size)} for one, mask in zip(found, masks, strict=True)]

    def scored_segmentation(self, images: torch.Tensor) -> torch.Tensor:
        """The segmentation, and with it the score of the detection that each pixel belongs to.

        Args:
            images: ``(B, in_channels, H, W)``.

        Returns:
            ``(B, 2 · num_classes, H, W)`` in [0, 1]: the two of `class_maps`, one after the other.

        Raises:
            ArgumentError: if the images do not fit.
        """
        return torch.cat(
            class_maps(self.detect(images, self.map_threshold), self.num_classes, self.map_threshold), dim=1
        )

    def _features(self, images: torch.Tensor) -> list[torch.Tensor]:
        height, width = images.shape[2:]
        return self.backbone(functional.pad(images, (0, -width % 32, 0, -height % 32)))

    @staticmethod
    def _plain(images: torch.Tensor) -> torch.Tensor:
        if images.ndim != 4:
            shape = tuple(images.shape)
            raise ArgumentError(f"images: expected (batch, channel, height, width), got the shape {shape}.")
        return images.as_subclass(torch.Tensor)

    def _checked(
        self, targets: Sequence[dict[str, torch.Tensor]], images: torch.Tensor
    ) -> list[dict[str, torch.Tensor]]:
        """The targets as plain tensors on the images' device."""
        if len(targets) != len(images):
            raise ArgumentError(f"targets: expected one for each of {len(images)} images, got {len(targets)}.")
        checked = []
        for index, target in enumerate(targets):
            plain = {
                key: target[key].as_subclass(torch.Tensor).to(images.device) for key in ("boxes", "classes", "masks")
            }
            boxes, classes, masks = plain.values()
            count, size = len(boxes), tuple(images.shape[2:])
            if boxes.shape != (count, 4) or classes.shape != (count,) or masks.shape != (count, *size):
                raise ArgumentError(
                    f"targets of image {index}: expected boxes (N, 4), classes (N,) and masks (N, {size[0]}, {size[1]})"
                    f", got {tuple(boxes.shape)}, {tuple(classes.shape)} and {tuple(masks.shape)}."
                )
            if count and not (boxes[:, 2:] > boxes[:, :2]).all():
                raise ArgumentError(f"boxes of image {index}: expected ends beyond starts, got {boxes.tolist()}.")
            if count and not (int(classes.min()) >= 1 and int(classes.max()) <= self.num_classes):
                raise ArgumentError(
                    f"classes of image {index}: expected 1 to {self.num_classes}, got {classes.unique().tolist()}."
                )
            unlabeled = target.get("unlabeled", torch.zeros(size)).as_subclass(torch.Tensor).bool()
            if unlabeled.shape != size:
                shape = tuple(unlabeled.shape)
                raise ArgumentError(f"targets of image {index}: expected unlabeled {size}, got {shape}.")
            found = {"boxes": boxes.float(), "classes": classes.long(), "masks": masks}
            checked.append(found | {"unlabeled": unlabeled.to(images.device)})
        return checked
