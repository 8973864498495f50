"""The network of each method, by name."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from common.errors import ArgumentError
from common.networks import Segmenter, UNet, annotator_model, has_matrices, output_of_method, readout_of_method
from common.networks.method_networks import METHODS

SIZES = {"spatial_dims": 2, "in_channels": 2, "num_classes": 3, "num_annotators": 4, "features": (4, 8)}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_network(method: str) -> None:
    """With all that it estimates: the truth, each annotator (or sample), the matrices."""
    network = Segmenter(annotator_model(method, **SIZES), output_of_method(method)).eval()
    channels = network(torch.rand(1, 2, 8, 8)).shape[1]
    predictions = 16 if method == "probabilistic_unet" else 4
    assert channels == 3 + predictions * 3 + has_matrices(method) * 4 * 9


def test_plans_written_under_the_older_name_ours() -> None:
    old, new = (annotator_model(method, **SIZES).state_dict().keys() for method in ("ours", "confusion_matrices"))
    assert old == new and has_matrices("ours") and readout_of_method(None, "ours") == "vote"


def test_backbone_and_width() -> None:
    build = partial(UNet, spatial_dims=2, in_channels=2, features=(2, 4))
    network = annotator_model("confusion_matrices", **SIZES, feature_channels=6, backbone=build, rank=1)
    assert network.truth.weight.shape == (3, 6, 1, 1)
    assert network.confusion.entries.weight.shape[0] == 4 * 2 * 3
    assert annotator_model("confusion_matrices", **SIZES).truth.weight.shape == (3, 4, 1, 1)
    assert annotator_model("mean", **SIZES, rank=1).confusion.logits.shape == (4, 3, 3)  # no rank


def test_a_mistyped_method() -> None:
    with pytest.raises(ArgumentError, match="got 'majorty' \\(did you mean 'majority'\\?\\)"):
        annotator_model("majorty", **SIZES)


def test_readout() -> None:
    assert [m for m in METHODS if readout_of_method(None, m) == "vote"] == ["confusion_matrices"]
    assert {readout_of_method(None, m) for m in METHODS} == {"vote", "estimate"}
    assert readout_of_method("estimate", "confusion_matrices", num_annotators=1) == "estimate"
    assert readout_of_method(None, "confusion_matrices", num_annotators=1) == "mean"
