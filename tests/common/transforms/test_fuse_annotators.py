"""The consensus of an item's annotators."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.data import MetaTensor, decollate_batch, list_data_collate
from monai.transforms import Compose, RandomizableTrait

from common.errors import InputError
from common.fusion import estimate_confusion, majority_vote, mean_label, spatial_staple, staple
from common.transforms import FuseAnnotatorsd
from common.transforms.fuse_annotators import FUSION_METHODS, fuse_annotators


def annotators(classes: int = 2, *spatial: int, absent: float = 0.3) -> torch.Tensor:
    generator = np.random.default_rng(0)
    spatial = spatial or (7, 6)
    truth = generator.integers(0, classes, spatial)
    labels = np.stack([np.where(generator.random(spatial) < 0.8, truth, 0) for _ in range(4)])
    labels = np.where(generator.random(labels.shape) < absent, -1, labels)
    labels[:, 0] = -1
    return torch.from_numpy(labels)


@pytest.mark.parametrize("spatial", [(7, 6), (4, 5, 3)])
@pytest.mark.parametrize("classes", [2, 3])
def test_every_method_gives_its_own_consensus(classes: int, spatial: tuple[int, ...]):
    labels = annotators(classes, *spatial)
    nobody = (labels < 0).all(0)
    results = {method: fuse_annotators(labels, method, classes) for method in FUSION_METHODS}
    assert torch.equal(results["mean"].probabilities, mean_label(labels, classes))
    assert torch.equal(results["mean"].labels, results["majority"].labels)
    assert torch.equal(results["majority"].labels, majority_vote(labels, classes))
    assert torch.equal(results["majority"].probabilities[:, ~nobody].argmax(0), majority_vote(labels, classes)[~nobody])
    assert results["majority"].probabilities[:, ~nobody].amax(0).eq(1).all()
    for method, expected in (("staple", staple(labels, classes)), ("spatial_staple", spatial_staple(labels))):
        assert torch.equal(results[method].probabilities[:, ~nobody], expected.probabilities[:, ~nobody])
    for method, result in results.items():
        assert result.labels[nobody].eq(-1).all(), method
        assert torch.equal(result.labels[~nobody], result.probabilities.argmax(0)[~nobody])
        assert result.probabilities[:, nobody].eq(-1).all(), method
        torch.testing.assert_close(result.probabilities[:, ~nobody].sum(0), torch.ones(int((~nobody).sum())).double())
        assert result.confusion.shape == (4, classes, classes)
        expected = estimate_confusion(labels, result.probabilities)
        torch.testing.assert_close(result.confusion, expected, atol=1e-5, rtol=0)
        assert result.converged


def test_options_reach_the_method():
    labels = annotators()
    result = fuse_annotators(labels, "spatial_staple", 2, {"half_window": 1, "global_weight": 0.5})
    expected = spatial_staple(labels, half_window=1, global_weight=0.5, num_classes=2)
    labeled = (labels >= 0).any(0)
    assert torch.equal(result.probabilities[:, labeled], expected.probabilities[:, labeled])
    assert not fuse_annotators(labels, "staple", 2, {"max_iterations": 1}).converged


@pytest.mark.parametrize("soft", [False, True])
def test_an_item_gets_its_consensus_in_its_own_geometry(soft: bool):
    affine = torch.diag(torch.tensor([2.0, 3.0, 4.0, 1.0], dtype=torch.float64))
    labels = MetaTensor(annotators(3, 4, 5, 3).float(), affine=affine)
    before = labels.clone()
    item = FuseAnnotatorsd("annotators", method="staple", num_classes=3, soft=soft)({"annotators": labels, "case": "a"})
    expected = staple(labels, 3)
    assert isinstance(item["label"], MetaTensor)
    assert torch.equal(item["label"].affine, affine)
    assert item["label"].dtype == torch.float32
    if soft:
        probabilities = expected.probabilities.where((before.as_tensor() >= 0).any(0), -1)
        torch.testing.assert_close(item["label"].as_tensor(), probabilities.float())
    else:
        assert torch.equal(item["label"][0].as_tensor(), fuse_annotators(labels, "staple", 3).labels.float())
    assert torch.equal(item["label_confusion"], expected.confusion)
    assert (item["case"], type(item["label_confusion"])) == ("a", torch.Tensor)
    assert torch.equal(item["annotators"], before)


def test_integers_and_arrays_serve_and_keys_may_be_missing():
    labels = annotators(2).clamp_min(0).numpy().astype(np.uint8)
    fuse = FuseAnnotatorsd(("a", "b"), ("x", "y"), method="majority", allow_missing_keys=True)
    item = fuse({"a": labels})
    assert item["x"].dtype == torch.uint8
    np.testing.assert_array_equal(item["x"][0], majority_vote(torch.from_numpy(labels)))
    assert "y" not in item
    with pytest.raises(KeyError):
        FuseAnnotatorsd("a")({})


def test_batches_of_it_collate():
    items = [{"annotators": annotators(2)}, {"annotators": annotators(2).flip(0)}]
    fuse = Compose([FuseAnnotatorsd("annotators", "label", "mean", soft=True)])
    batch = list_data_collate([fuse(item) for item in items])
    assert batch["label"].shape == (2, 2, 7, 6)
    assert batch["label_confusion"].shape == (2, 4, 2, 2)
    torch.testing.assert_close(decollate_batch(batch)[1]["label"], fuse(items[1])["label"])
    assert not isinstance(fuse.transforms[0], RandomizableTrait)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "vote"}, "one of mean, majority, staple, spatial_staple, got vote"),
        ({"method": "staple", "options": {"half_window": 3}}, "half_window.*staple's options .prior, tolerance"),
        ({"method": "mean", "options": {"prior": None}}, "it has none"),
        ({"method": "staple", "options": {"num_classes": 3}}, "num_classes"),
        ({"output_keys": ["a", "b"]}, "output_keys"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments: dict[str, object], message: str):
    with pytest.raises(InputError, match=message):
        FuseAnnotatorsd("annotators", **arguments)  # type: ignore[arg-type]


def test_the_case_that_cannot_be_fused_is_named():
    with pytest.raises(InputError, match="Case scan_7, annotators: labels: expected classes 0 to 1"):
        FuseAnnotatorsd("annotators")({"case": "scan_7", "annotators": torch.full((2, 3, 3), 255)})
