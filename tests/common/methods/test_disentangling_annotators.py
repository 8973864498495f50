"""Targets, warm-up and the matrices of a consensus, in MONAI's engines."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor
from monai.transforms import Compose
from torch import nn

from common.datasets.plan import example_plan
from common.errors import InputError
from common.losses import AnnotatorConfusionLoss
from common.methods import (
    ConsensusConfusion,
    PrepareTargets,
    TraceWarmUp,
    annotator_targets,
    prepare_targets,
    selection_metric,
)
from common.networks import AnnotatorNetwork
from common.networks.method_networks import METHODS
from common.transforms import FuseAnnotatorsd


def batch() -> dict[str, torch.Tensor]:
    image = torch.arange(2 * 4 * 5.0).view(2, 1, 4, 5)
    return {"image": image, "annotators": image.repeat(1, 3, 1, 1), "label": image.clone()}


def test_targets_are_mirrored_with_the_image() -> None:
    """Drawn per image: what every array holds at a pixel stays together."""
    prepare = PrepareTargets(["annotators", "label"], ["annotators"], mirror_probability=0.5)
    prepare.set_random_state(seed=0)
    seen = set()
    for _ in range(10):
        image, targets, conditions, named = prepare(batch())
        image = image.round()  # gamma 1 is exact up to rounding
        assert torch.equal(targets[0], image.expand(2, 3, 4, 5)) and torch.equal(targets[1], image)
        assert conditions[0] is targets[0] and named == {}
        seen |= {tuple(one.flatten().tolist()) for one in image}
    assert len(seen) == 8  # two images, two axes


def test_the_same_seed_mirrors_alike() -> None:
    prepare = PrepareTargets(["label"])
    results = [prepare.set_random_state(seed=3)(batch())[0] for _ in range(2)]
    assert torch.equal(*results)


def epochs(handler: object, first: int, last: int, seen: list, value: object) -> None:
    engine = Engine(lambda engine, item: seen.append(value()))
    handler.attach(engine)
    engine.state.max_epochs = None
    engine.load_state_dict({"epoch": first, "max_epochs": last, "epoch_length": 1}) if first else None
    engine.run([0], max_epochs=last)


@pytest.mark.parametrize("first", [0, 1, 3])
def test_warm_up_is_a_function_of_the_epoch(first: int) -> None:
    """So a training that continues after epoch ``first`` is in the right one."""
    loss, seen = AnnotatorConfusionLoss(), []
    epochs(TraceWarmUp(loss, 2), first, 4, seen, lambda: loss.warming_up)
    assert seen == [True, True, False, False][first:]


def test_no_warm_up() -> None:
    loss, seen = AnnotatorConfusionLoss(warming_up=True), []
    epochs(TraceWarmUp(loss, 0), 0, 2, seen, lambda: loss.warming_up)
    assert seen == [False, False]
    with pytest.raises(InputError, match="warmup_epochs"):
        TraceWarmUp(loss, -1)


@pytest.mark.parametrize(
    ("warm_up", "first", "last", "several", "warned"),
    [
        *[(5, 0, 4, True, 1), (5, 0, 5, True, 1), (5, 2, 5, True, 1)],
        *[(5, 0, 6, True, 0), (5, 5, 6, True, 0), (0, 0, 1, True, 0), (5, 0, 4, False, 0)],
    ],
)
def test_a_training_that_ends_within_the_warm_up(
    warm_up: int, first: int, last: int, several: bool, warned: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once at the start; not where an epoch comes after it, as of one that is resumed, nor of one annotator."""
    epochs(TraceWarmUp(AnnotatorConfusionLoss(), warm_up, several), first, last, [], lambda: None)
    found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(found) == warned
    assert all(f" {last} epoch" in text and "--max_epochs" in text and "--warmup_epochs" in text for text in found)
    caplog.clear()
    epochs(TraceWarmUp(AnnotatorConfusionLoss(warm_up_weight=0), warm_up, several), first, last, [], lambda: None)
    assert not any(record.levelname == "WARNING" for record in caplog.records)


def network(image_dependent: bool = False) -> AnnotatorNetwork:
    return AnnotatorNetwork(nn.Conv2d(1, 4, 1), 2, 4, 2, 3, image_dependent=image_dependent)


def test_matrices_of_a_consensus() -> None:
    """The mean over the images that an annotator labeled; who labeled none keeps the start."""
    generator = torch.Generator().manual_seed(0)
    items = []
    for index in range(4):
        labels = torch.randint(2, (3, 6, 5), generator=generator)
        labels[2] = -1
        if index == 3:
            labels[1] = -1
        items.append(FuseAnnotatorsd("annotators", "consensus", "majority")({"annotators": labels}))
    learner = network()
    start = learner.confusion(torch.zeros(1, 4, 1, 1))[0, :, :, :, 0, 0].exp()
    seen: list = []
    epochs(ConsensusConfusion(learner, items), 0, 1, seen, lambda: None)
    matrices = learner.confusion(torch.zeros(1, 4, 1, 1))[0, :, :, :, 0, 0].exp()
    for annotator, count in ((0, 4), (1, 3)):
        expected = torch.stack([item["consensus_confusion"][annotator] for item in items[:count]]).mean(0)
        torch.testing.assert_close(matrices[annotator], expected.float(), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(matrices[2], start[2])
    assert not learner.confusion.logits.requires_grad


def test_matrices_for_every_pixel_are_refused() -> None:
    with pytest.raises(InputError, match="image_dependent"):
        ConsensusConfusion(network(image_dependent=True), [])


@pytest.mark.parametrize("method", METHODS)
def test_targets_of_every_method(method: str) -> None:
    """What the stage makes is what the loss gets; the ground truth is for the oracle alone."""
    item = {"case": "a", "annotators": torch.tensor([[[0, 1]], [[1, 1]], [[0, -1]]]), "label": torch.ones(1, 1, 2)}
    plan = replace(example_plan(), annotators=("AR", "HS", "SG"))
    found = Compose(annotator_targets(plan, method, labels_per_image=3))(item)
    assert ("label" in found) == (method == "oracle")
    assert set(prepare_targets(method).targets) <= found.keys()
    if method == "mean":
        torch.testing.assert_close(found["shares"][1], torch.tensor([[1 / 3, 1.0]]))
    elif method == "majority":
        assert found["consensus"].tolist() == [[[0, 1]]]


def test_more_labels_per_image_than_annotators_are_refused() -> None:
    plan = replace(example_plan(), annotators=("AR", "HS"))
    with pytest.raises(InputError, match="labels_per_image: expected at most 2, the number of annotators, got 3"):
        annotator_targets(plan, "confusion_matrices", labels_per_image=3)
    with pytest.raises(InputError, match="expected at most 1"):
        annotator_targets(plan, "confusion_matrices", {"AR": "good"}, labels_per_image=2)


def test_simulated_annotators_are_drawn_slice_by_slice() -> None:
    """In the orientation in which slices are taken, however the volume is stored."""
    plan = replace(example_plan(), image_dims=3, orientation="RAS", annotators=("over",))
    label = torch.zeros(1, 3, 12, 12)
    label[0, 1, 3:9, 3:9] = 1
    affine = torch.tensor([[0, 0, 1.0, 0], [0, 1.0, 0, 0], [1.0, 0, 0, 0], [0, 0, 0, 1]])  # slices come first
    item = {"case": "a", "label": MetaTensor(label, affine=affine)}
    found = Compose(annotator_targets(plan, "confusion_matrices", {"over": "over"}))(item)["annotators"]
    assert found.shape == (1, 12, 12, 3)
    assert found.flatten(0, 2).any(0).tolist() == [False, True, False] and found.sum() > 36


def test_selection() -> None:
    metrics = {"dice": {"d": 1}, "likelihood": {"l": 1}}
    assert selection_metric(None, metrics, True) == {"d": 1} and selection_metric(None, metrics, False) == {"l": 1}
    assert selection_metric("likelihood", metrics, True) == {"l": 1}
    with pytest.raises(InputError, match="did you mean 'dice'"):
        selection_metric("dise", metrics, True)
