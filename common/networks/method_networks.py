"""The network of each method that learns from several annotators, chosen by the method's name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial

from torch import nn

from common.errors import ArgumentError
from common.networks.annotator_ensemble import AnnotatorEnsemble
from common.networks.annotator_network import AnnotatorNetwork
from common.networks.probabilistic_unet import ProbabilisticUNet
from common.networks.unet import UNet

__all__ = ["METHODS", "annotator_model", "has_matrices", "output_of_method", "output_of_request", "readout_of_method"]

CONSENSUS = ("mean", "majority", "staple", "spatial_staple")
METHODS = ("confusion_matrices", *CONSENSUS, "separate", "probabilistic_unet", "oracle")
LEARNED = ("confusion_matrices", "ours")  # the second in plans that were written when the first had this name


def annotator_model(
    method: str,
    spatial_dims: int,
    in_channels: int,
    num_classes: int,
    num_annotators: int,
    features: Sequence[int],
    feature_channels: int | None = None,
    backbone: Callable[..., nn.Module] | None = None,
    image_dependent: bool = True,
    rank: int | None = None,
    initial_accuracy: float = 0.9,
    latent_dim: int = 6,
    add_identity: bool = False,
) -> nn.Module:
    """The network that a method trains.

    ================================================  =================================================================
    ``confusion_matrices``                            `AnnotatorNetwork`
    ``mean``, ``majority``, ``staple``,               `AnnotatorNetwork` with one matrix per annotator, which
    ``spatial_staple``, ``oracle``                    `common.methods.ConsensusConfusion` fills in
    ``separate``                                      `AnnotatorEnsemble`
    ``probabilistic_unet``                            `ProbabilisticUNet`
    ================================================  =================================================================

    Args:
        method: see above.
        spatial_dims: 2 or 3.
        in_channels: of the image.
        num_classes: L ≥ 2, background included.
        num_annotators: R ≥ 1.
        features: of each resolution.
        feature_channels: of the backbone's last layer, on which truth and matrices stand; None: ``features[0]``.
        backbone: called with ``out_channels`` it gives a network ``(B, C, *spatial)`` → ``(B, out_channels,
            *spatial)``; None: `UNet` of these features.
        image_dependent, rank, initial_accuracy: see `AnnotatorNetwork`; for ``confusion_matrices``.
        latent_dim: see `ProbabilisticUNet`.
        add_identity: see `ConfusionHead`; for ``confusion_matrices``.

    Returns:
        The network, with ``segment`` and ``segment_as_annotators``.

    Raises:
        ArgumentError: there is no such method, or the network refuses an argument.

    Example:
        >>> type(annotator_model("separate", 2, 1, 2, 3, features=(4, 8))).__name__
        'AnnotatorEnsemble'
    """
    check_method(method)
    build = backbone or partial(UNet, spatial_dims=spatial_dims, in_channels=in_channels, features=tuple(features))
    if method == "probabilistic_unet":
        return ProbabilisticUNet(spatial_dims, in_channels, num_classes, tuple(features), latent_dim)
    if method == "separate":
        return AnnotatorEnsemble([build(out_channels=num_classes) for _ in range(num_annotators)])
    width = feature_channels or features[0]
    own = method in LEARNED
    network = AnnotatorNetwork(
        build(out_channels=width),
        spatial_dims,
        width,
        num_classes,
        num_annotators,
        image_dependent=image_dependent and own,
        rank=rank if own else None,
        initial_accuracy=initial_accuracy,
        add_identity=add_identity and own,
    )
    network.confusion.requires_grad_(own)
    return network


def check_method(method: str) -> None:
    """Refuses a method that does not exist, with the nearest name.

    Args:
        method: one of `METHODS`.

    Raises:
        ArgumentError: it is none of them.
    """
    if method not in (*METHODS, *LEARNED):
        near = get_close_matches(str(method), METHODS, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ArgumentError(f"method: expected one of {', '.join(METHODS)}, got {method!r}{hint}.")


def has_matrices(method: str) -> bool:
    """Whether a method estimates confusion matrices.

    Args:
        method: one of `METHODS`.

    Returns:
        True or False.

    Example:
        >>> has_matrices("majority"), has_matrices("separate")
        (True, False)
    """
    return method in (*LEARNED, *CONSENSUS)


def output_of_method(method: str) -> str:
    """The output of `Segmenter` with all that a method estimates: the matrices, if there are any.

    Args:
        method: one of `METHODS`.

    Returns:
        ``"confusion"`` or ``"annotators"``.

    Example:
        >>> output_of_method("confusion_matrices"), output_of_method("separate")
        ('confusion', 'annotators')
    """
    return "confusion" if has_matrices(method) else "annotators"


def output_of_request(annotators: bool, readout: str = "estimate") -> str:
    """The output of `Segmenter` for new images.

    Args:
        annotators: whether each annotator's prediction is wanted beside the truth.
        readout: what the truth is; beside a vote the mean of the annotators is needed, for the maps.

    Returns:
        ``"annotators"``, ``"mean"`` or ``"truth"``.

    Example:
        >>> output_of_request(True), output_of_request(False), output_of_request(False, "vote")
        ('annotators', 'truth', 'mean')
    """
    return "annotators" if annotators else "mean" if readout == "vote" else "truth"


def readout_of_method(readout: str | None, method: str, num_annotators: int | None = None) -> str:
    """What is taken for the truth, see `Segmenter`.

    Args:
        readout: ``estimate``, ``vote`` or ``mean``; None chooses.
        method: one of `METHODS`.
        num_annotators: R ≥ 1; None for several.

    Returns:
        What was given; else of ``confusion_matrices`` the vote of the predicted annotators, who learn from labels, so
        that it holds whichever epoch was chosen (of one annotator the mean: the same masks, and maps that say where the
        network is unsure), and of other methods the network's own estimate.

    Example:
        >>> readout_of_method(None, "confusion_matrices"), readout_of_method(None, "majority")
        ('vote', 'estimate')
    """
    if readout is not None:
        return readout
    if method not in LEARNED:
        return "estimate"
    return "mean" if num_annotators == 1 else "vote"
