"""One label from several annotators', by any method of label fusion."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import torch
from monai.config import KeysCollection
from monai.data import get_track_meta
from monai.transforms import MapTransform
from monai.utils import convert_to_dst_type, convert_to_tensor, ensure_tuple
from torch.nn.functional import one_hot

from common.errors import InputError, SentenceError
from common.fusion import (
    count_ties,
    distinct_patterns,
    estimate_confusion,
    fuse_patterns,
    majority_vote,
    mean_label,
    most_probable_class,
    spatial_staple,
    staple,
)
from common.fusion.voting import class_labels

__all__ = ["FUSION_METHODS", "Consensus", "FuseAnnotatorsd", "fuse_annotators"]

FUSION_METHODS: dict[str, Callable[..., Any]] = {
    "mean": mean_label,
    "majority": majority_vote,
    "staple": staple,
    "spatial_staple": spatial_staple,
}


class Consensus(NamedTuple):
    """What every method of fusion gives.

    Attributes:
        labels: ``(*spatial)`` int64, the most probable class, of equally probable ones the smallest, see
            `common.fusion.ties`; −1 where nobody labeled.
        probabilities: ``(L, *spatial)`` float64, summing to 1 over the classes; −1 in all where nobody labeled.
        confusion: ``(R, L, L)`` float64, ``[r, i, j]`` = p(annotator r says i | the truth is j); columns sum to 1.
        converged: whether iterations came to rest; true without iterations.
        ties: labeled voxels at which several classes are equally probable, so that the rule decided.
    """

    labels: torch.Tensor
    probabilities: torch.Tensor
    confusion: torch.Tensor
    converged: bool
    ties: int


def fuse_annotators(
    labels: torch.Tensor,
    method: str,
    num_classes: int | None = None,
    options: Mapping[str, Any] | None = None,
    region: str = "all",
) -> Consensus:
    """Fuses annotators' labels by a method of `common.fusion` that is chosen by name.

    Args:
        labels: ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        method: ``mean``, ``majority``, ``staple`` or ``spatial_staple``.
        num_classes: L; by default the largest label + 1, and at least 2.
        options: further arguments of `staple` or `spatial_staple`, such as ``half_window``.
        region: ``all``, or ``disputed``: of `common.fusion.fuse_patterns`, not with ``spatial_staple``.

    Returns:
        `Consensus`. Of ``majority`` the probabilities are 0 and 1. Of ``mean`` and
        ``majority`` the confusion matrices are those against these probabilities.

    Raises:
        InputError: if there is no such method or option, or the method refuses its arguments.

    Example:
        >>> fuse_annotators(torch.tensor([[1, 0], [1, 1]]), "mean").probabilities[1].tolist()
        [1.0, 0.5]
    """
    options = _checked_options(method, options)
    labels, num_classes = class_labels(labels, num_classes)
    if region != "all":
        return _in_region(labels, method, num_classes, options, region)
    result = FUSION_METHODS[method](labels, num_classes=num_classes, **options)
    labeled, converged = (labels >= 0).any(0), True
    if method == "mean":
        probabilities = result
    elif method == "majority":
        probabilities = one_hot(result.clamp_min(0), num_classes).movedim(-1, 0).double()
    else:
        probabilities, confusion, converged = result.probabilities, result.confusion, result.converged
    if method in ("mean", "majority"):
        confusion = estimate_confusion(labels, probabilities)
    shares = mean_label(labels, num_classes) if method == "majority" else probabilities
    ties = int(count_ties(shares.flatten(1)[:, labeled.flatten()]))
    fused = most_probable_class(probabilities).where(labeled, -1)
    return Consensus(fused, probabilities.where(labeled, -1), confusion, converged, ties)


class FuseAnnotatorsd(MapTransform):
    """Adds to an item the consensus of its annotators' labels.

    The item gets ``<output key>``: the most probable class ``(1, *spatial)`` (−1 where nobody labeled), or with
    ``soft`` the probabilities ``(L, *spatial)``, float32 (−1 in all of them where nobody labeled); and
    ``<output key>_confusion``, the annotators' matrices ``(R, L, L)``, float64, ``[r, i, j]`` = p(annotator r says i |
    the truth is j). The fusion is of the whole image: put this before cropping and augmentation. It is not random, so
    MONAI may cache its result.

    Args:
        keys: annotators' labels ``(R, *spatial)``, classes 0 … L − 1, −1 = not labeled.
        output_keys: where the consensus goes, one for each of ``keys``.
        method: ``mean``, ``majority``, ``staple`` or ``spatial_staple``.
        num_classes: L. Without it each image would count its own.
        soft: give probabilities. (For ``majority`` they are 0 and 1; the class of ``mean`` is that of ``majority``.)
        options: further arguments of `common.fusion.staple` or `spatial_staple`, such as ``half_window``.
        allow_missing_keys: leave out keys that the item does not have.

    Raises:
        InputError: if there is no such method or option, or an item's labels cannot be fused.

    Example:
        >>> fuse = FuseAnnotatorsd("annotators", "label", method="staple", num_classes=2)
        >>> fuse({"annotators": torch.tensor([[[1, 0, 0]], [[1, 0, 0]], [[1, 1, 0]]])})["label"].tolist()
        [[[1, 0, 0]]]
    """

    def __init__(
        self,
        keys: KeysCollection,
        output_keys: KeysCollection = "label",
        method: str = "staple",
        num_classes: int = 2,
        soft: bool = False,
        options: Mapping[str, Any] | None = None,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.output_keys = ensure_tuple(output_keys)
        if len(self.output_keys) != len(self.keys):
            raise InputError(
                f"output_keys: expected as many as keys, {len(self.keys)}, got {', '.join(map(str, self.output_keys))}."
            )
        self.options = _checked_options(method, options)
        self.method, self.num_classes, self.soft = method, num_classes, soft

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        item = dict(data)
        for key, output_key in self.key_iterator(item, self.output_keys):
            labels = convert_to_tensor(item[key], track_meta=get_track_meta())
            try:
                consensus = fuse_annotators(labels, self.method, self.num_classes, self.options)
            except SentenceError as error:
                raise InputError(f"Case {item.get('case', 'without a name')}, {key}: {error}") from error
            fused, dtype = (consensus.probabilities, torch.float32) if self.soft else (consensus.labels[None], None)
            item[output_key] = convert_to_dst_type(fused, labels, dtype=dtype)[0]
            item[f"{output_key}_confusion"] = consensus.confusion
        return item


def _in_region(
    labels: torch.Tensor, method: str, num_classes: int, options: Mapping[str, Any], region: str
) -> Consensus:
    patterns, index, counts = distinct_patterns(labels.flatten(1), num_classes)
    found = fuse_patterns(patterns, counts, num_classes, method, region, options)
    mass = found.joint.sum(1, keepdim=True)
    identity = torch.eye(num_classes, dtype=torch.float64, device=labels.device)
    confusion = torch.where(mass > 0, found.joint / mass, identity)
    fused = found.labels[index.long()].view(labels.shape[1:])
    probabilities = found.probabilities[:, index.long()].view(num_classes, *labels.shape[1:])
    return Consensus(fused, probabilities, confusion, found.converged, found.ties)


def _checked_options(method: str, options: Mapping[str, Any] | None) -> dict[str, Any]:
    if method not in FUSION_METHODS:
        raise InputError(f"method: expected one of {', '.join(FUSION_METHODS)}, got {method}.")
    known = [
        name for name in inspect.signature(FUSION_METHODS[method]).parameters if name not in ("labels", "num_classes")
    ]
    for name in options or {}:
        if name not in known:
            raise InputError(f"{name}: expected one of {method}'s options ({', '.join(known) or 'it has none'}).")
    return dict(options or {})
