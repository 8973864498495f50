"""Annotators who do what they are said to do, and confusion matrices that reproduce their labels."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from PIL import Image
from scipy import ndimage
from scipy.stats import chisquare

from common.errors import ArgumentError
from common.noise import (
    ANNOTATOR_KINDS,
    choose_annotators,
    dilate,
    erode,
    fracture,
    pixelwise_confusion,
    relative_change,
    simulate_annotator,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(*shape: int, seed: int = 0) -> torch.Tensor:
    """A smooth random object, about a third of the image, not empty."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 2)
    return torch.from_numpy(noise >= np.quantile(noise, 0.7)).to(torch.uint8)


def classes(*shape: int, seed: int = 0) -> torch.Tensor:
    """0, 1 and 2, as nested objects and as neighbors."""
    outer = blob(*shape, seed=seed)
    return outer + outer * blob(*shape, seed=seed + 1)


@pytest.mark.parametrize("shape", [(24, 20), (12, 14, 10)])
def test_the_five_kinds(shape: tuple[int, ...]):
    truth = blob(*shape)
    good, over, under, wrong, blank = (simulate_annotator(truth, kind, generator()) for kind in ANNOTATOR_KINDS)
    assert torch.equal(good, truth)
    assert torch.equal(over, dilate(truth, 2.0)) and over.sum() > truth.sum()
    assert torch.equal(under, erode(truth, 0.7)) and 0 < under.sum() < truth.sum()
    grown = dilate(truth, 1.5)
    assert (wrong <= grown).all()
    assert 0 < (grown - wrong).sum() < 0.4 * grown.sum()
    assert (wrong > truth).any()
    assert not blank.any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(ANNOTATOR_KINDS), st.floats(0, 3))
def test_of_several_classes_only_the_target_changes(seed: int, kind: str, strength: float):
    truth = classes(16, 16, seed=seed)
    noisy = simulate_annotator(truth, kind, generator(seed), strength=strength, target=2)
    changed = noisy != truth
    if kind == "blank":
        assert not noisy.any()
        return
    assert ((noisy == 2) | (truth == 2))[changed].all()
    assert (noisy[changed & (truth == 2)] == 0).all()
    assert (noisy == 2).any() == (truth == 2).any()
    alone = simulate_annotator((truth == 2).byte(), kind, generator(seed), strength=strength)
    assert torch.equal(noisy == 2, alone == 1)


@pytest.mark.parametrize("strength", [0.2, 0.5, 0.9])
def test_the_strength_is_the_share_of_the_object_that_changes(strength: float):
    truth = torch.zeros(128, 128)
    truth[34:94, 34:94] = 1
    for kind in ("over", "under"):
        noisy = simulate_annotator(truth, kind, generator(), strength=strength)
        assert relative_change(noisy, truth) == pytest.approx(strength, abs=0.04)
    assert torch.equal(simulate_annotator(truth, "under", generator(), strength=0.0), truth)
    assert torch.equal(simulate_annotator(truth, "wrong", generator(), strength=0.0, fractures=0), truth)


def test_only_the_generator_decides():
    truth = blob(32, 32)
    first, again, other = (simulate_annotator(truth, "wrong", generator(seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    for kind in ("good", "over", "under", "blank"):
        state = generator()
        simulate_annotator(truth, kind, state)
        assert torch.equal(state.get_state(), generator().get_state())


@pytest.mark.parametrize("kind", ANNOTATOR_KINDS)
def test_type_metadata_and_input_are_kept(kind: str):
    truth = MetaTensor(255 * blob(12, 12).float(), affine=torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0])))
    before = truth.clone()
    noisy = simulate_annotator(truth, kind, generator())
    assert torch.equal(truth, before)
    assert isinstance(noisy, MetaTensor) and torch.equal(noisy.affine, truth.affine)
    assert noisy.dtype == truth.dtype and noisy.shape == truth.shape
    assert set(noisy.unique().tolist()) <= {0.0, 255.0}
    noisy += 1  # never a view of the truth
    assert torch.equal(truth, before)


@pytest.mark.parametrize("kind", ["good", "over", "under", "wrong"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 1, 2)])
def test_small_empty_and_full_labels(kind: str, shape: tuple[int, ...]):
    assert not simulate_annotator(torch.zeros(shape), kind, generator()).any()
    assert simulate_annotator(torch.ones(shape), kind, generator()).any()
    single = torch.zeros(shape)
    single.view(-1)[0] = 1
    assert simulate_annotator(single, kind, generator()).any()


def test_a_label_without_the_target_is_unchanged():
    truth = blob(8, 8)
    for kind in ("over", "under", "wrong"):
        assert torch.equal(simulate_annotator(truth, kind, generator(), target=3), truth)


def test_the_default_strengths_are_those_of_the_papers_sample(real_data: Path):
    changes: dict[str, list[list[float]]] = {"over": [], "under": [], "wrong": []}
    folder = real_data / "mnist_annotators" / "train"
    for path in sorted((folder / "truth").iterdir()):
        truth = torch.from_numpy(np.asarray(Image.open(path)) > 127).byte()
        for kind, pairs in changes.items():
            theirs = torch.from_numpy(np.asarray(Image.open(folder / kind / path.name)) > 0)
            ours = simulate_annotator(truth, kind, generator())
            pairs.append([relative_change(ours, truth), relative_change(theirs, truth)])
    for pairs in changes.values():
        ours, theirs = np.mean(pairs, axis=0)
        assert ours == pytest.approx(theirs, rel=0.15)


def test_a_fracture_parts_a_line_and_a_tube():
    bar = torch.zeros(9, 40)
    bar[3:6] = 1
    for seed in range(10):
        assert ndimage.label(fracture(bar, 1, generator(seed)))[1] in (1, 2)  # one if it took an end
    assert any(ndimage.label(fracture(bar, 3, generator(seed)))[1] == 4 for seed in range(10))
    diagonal = torch.from_numpy(ndimage.binary_dilation(np.eye(30), iterations=2)).float()
    eight = np.ones((3, 3))
    assert max(ndimage.label(fracture(diagonal, 1, generator(seed)), eight)[1] for seed in range(10)) == 2
    tube = torch.zeros(7, 7, 30)
    tube[2:5, 2:5] = 1
    assert max(ndimage.label(fracture(tube, 2, generator(seed)))[1] for seed in range(10)) == 3


def test_a_fracture_is_small_and_stays_near_its_place():
    bar = torch.zeros(9, 40)
    bar[2:7] = 1
    for seed in range(10):
        removed = np.argwhere((bar - fracture(bar, 1, generator(seed))).numpy() > 0)
        assert 5 <= len(removed) <= 11
        assert np.ptp(removed[:, 1]) <= 4


def test_fractures_never_remove_everything():
    for shape in [(1, 1), (3, 3), (2, 1, 1)]:
        assert fracture(torch.ones(shape), 20, generator()).any()
    assert torch.equal(fracture(torch.ones(4, 4), 0, generator()), torch.ones(4, 4))
    assert not fracture(torch.zeros(4, 4), 3, generator()).any()


def test_mistakes_are_named():
    truth = classes(12, 12)
    assert set(truth.unique().tolist()) == {0, 1, 2}
    with pytest.raises(ArgumentError, match="kind: expected one of good, over, under, wrong, blank, got 'bad'"):
        simulate_annotator(truth, "bad", generator())
    with pytest.raises(ArgumentError, match="target: expected one of the label's several classes"):
        simulate_annotator(truth, "over", generator())
    with pytest.raises(ArgumentError, match="target: expected a foreground class"):
        simulate_annotator(truth, "over", generator(), target=0)
    with pytest.raises(ArgumentError, match="ratio"):
        simulate_annotator(truth, "under", generator(), strength=-1.0, target=1)
    with pytest.raises(ArgumentError, match="fractures: expected 0 or more"):
        simulate_annotator(truth, "wrong", generator(), target=1, fractures=-1)
    with pytest.raises(ArgumentError, match="2-D or 3-D"):
        simulate_annotator(truth[0], "over", generator(), target=1)


@pytest.mark.parametrize("spatial", [(3, 4), (2, 1, 3), (1, 1)])
def test_pixelwise_confusion_against_loops(spatial: tuple[int, ...]):
    truth = torch.randint(3, (2, 1, *spatial), generator=generator())
    labels = torch.randint(-1, 3, (2, 4, *spatial), generator=generator(1)).float()
    confusion = pixelwise_confusion(labels, truth, num_classes=3)
    assert confusion.shape == (2, 4, 3, 3, *spatial) and confusion.dtype == torch.float32
    for index in np.ndindex(2, 4, *spatial):
        n, r, *x = index
        matrix = confusion[(n, r, slice(None), slice(None), *x)]
        true, written = int(truth[(n, 0, *x)]), int(labels[index])
        for j in range(3):
            if j == true and written >= 0:
                assert matrix[:, j].tolist() == [float(i == written) for i in range(3)]
            else:
                assert matrix[:, j].isnan().all()


def test_the_known_matrices_turn_the_truth_into_the_labels():
    truth = classes(10, 10)
    kinds = [simulate_annotator(truth, kind, generator(), target=1) for kind in ANNOTATOR_KINDS]
    labels = torch.stack(kinds)[None]
    known = pixelwise_confusion(labels, truth[None, None], 3).nan_to_num(1 / 3)
    torch.testing.assert_close(known.sum(2), torch.ones(1, 5, 3, 10, 10))
    one_hot = torch.nn.functional.one_hot(truth.long(), 3).float()
    assert torch.equal(torch.einsum("rijhw,hwj->rihw", known[0], one_hot).argmax(1), labels[0].long())


def test_shapes_of_labels_and_truth_are_checked():
    for truth in (torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4), torch.zeros(1, 1, 4, 5)):
        with pytest.raises(ArgumentError, match="labels and truth"):
            pixelwise_confusion(torch.zeros(1, 2, 4, 4), truth, 2)


def test_every_choice_of_annotators_is_equally_likely():
    names = ["AR", "HS", "SG", "MK"]
    state = generator()
    chosen = [tuple(choose_annotators(names, 2, state)) for _ in range(1200)]
    counts = [chosen.count(pair) for pair in combinations(names, 2)]
    assert sum(counts) == 1200
    assert chisquare(counts).pvalue > 0.001
    assert choose_annotators(names, 9, state) == names
    with pytest.raises(ArgumentError, match="at least one label"):
        choose_annotators(names, 0, state)


@pytest.mark.parametrize("kind", ANNOTATOR_KINDS)
def test_of_a_volume_of_one_slice_an_annotator_draws_what_is_drawn_of_the_picture(kind):
    label = torch.zeros(30, 24)
    label[6:22, 8:13] = 1
    drawn = [simulate_annotator(given, kind, torch.Generator().manual_seed(1)) for given in (label, label.unsqueeze(1))]
    assert torch.equal(drawn[0], drawn[1].squeeze(1)) and (kind == "good") == torch.equal(drawn[0], label)
