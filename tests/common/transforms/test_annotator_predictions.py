"""Predictions of annotators: taken apart, scored, written."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from PIL import Image

from common.errors import InputError
from common.metrics import generalized_energy_distance
from common.transforms import AnnotatorScoresd, SaveAnnotatorsd, SplitAnnotatorsd
from common.transforms.annotator_predictions import disagreement


def random_probabilities(*shape: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(3).softmax(dim)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 5), st.integers(2, 4), st.integers(0, 9))
def test_disagreement_is_the_mean_over_pairs(annotators: int, classes: int, seed: int) -> None:
    p = random_probabilities(annotators, classes, 4, 3, dim=1, seed=seed)
    pairs = [1 - (p[r] * p[s]).sum(0) for r in range(annotators) for s in range(annotators) if r != s]
    expected = torch.stack(pairs).mean(0) if pairs else torch.zeros(4, 3)
    torch.testing.assert_close(disagreement(p), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("spatial", [(5, 4), (3, 4, 2)])
@pytest.mark.parametrize("matrices", [None, 4])
def test_split(spatial: tuple[int, ...], matrices: int | None) -> None:
    truth, annotators = torch.rand(3, *spatial), torch.rand(4, 3, *spatial)
    confusion = torch.rand(4, 3, 3, *spatial)
    parts = [truth, annotators.flatten(0, 1)] + ([confusion.flatten(0, 2)] if matrices else [])
    item = SplitAnnotatorsd("pred", 3, matrices)({"pred": torch.cat(parts)})
    assert torch.equal(item["pred"], truth)
    assert torch.equal(item["pred_annotators"], annotators) and torch.equal(item["pred_by_annotator"], annotators)
    assert torch.equal(item["pred_confusion"], confusion) if matrices else "pred_confusion" not in item


def test_the_mean_of_the_annotators() -> None:
    """Of all whose predictions the output holds; of one without annotators the truth, in its metadata's class."""
    truth, annotators = MetaTensor(torch.rand(2, 4, 5)), torch.rand(3, 2, 4, 5)
    whole = MetaTensor(torch.cat([truth, annotators.flatten(0, 1)]), affine=torch.diag(torch.tensor([2.0, 3, 1, 1])))
    item = SplitAnnotatorsd("pred", 2, mean=True)({"pred": whole})
    torch.testing.assert_close(item["pred_mean"].as_tensor(), (annotators[0] + annotators[1] + annotators[2]) / 3)
    assert torch.equal(item["pred_mean"].affine, whole.affine) and torch.equal(item["pred"], truth)
    assert torch.equal(SplitAnnotatorsd("pred", 2, mean=True)({"pred": truth})["pred_mean"], truth)
    assert "pred_mean" not in SplitAnnotatorsd("pred", 2)({"pred": whole})


def test_samples_are_of_nobody() -> None:
    samples = torch.rand(5, 2, 4)
    item = SplitAnnotatorsd("pred", 2, samples=True)({"pred": torch.cat([samples.mean(0), samples.flatten(0, 1)])})
    torch.testing.assert_close(item["pred_by_annotator"], samples.mean(0, keepdim=True))
    assert torch.equal(item["pred_annotators"], samples)


@pytest.mark.parametrize(("channels", "matrices"), [(5, None), (1, None), (8, 2)])
def test_channels_that_cannot_be_divided(channels: int, matrices: int | None) -> None:
    with pytest.raises(InputError, match="channels"):
        SplitAnnotatorsd("pred", 2, matrices)({"pred": torch.zeros(channels, 3, 3)})


def scored(names: list[str], **item: torch.Tensor) -> dict:
    truth = random_probabilities(2, 6, 5, dim=0)
    annotators = random_probabilities(len(names), 2, 6, 5, dim=1, seed=1)
    predicted = {"case": "a", "pred": truth, "pred_annotators": annotators, "pred_by_annotator": annotators}
    return AnnotatorScoresd("pred", names)(predicted | item)


def test_scores_of_perfect_predictions() -> None:
    """Every Dice is 1, every distance and error 0."""
    label = torch.zeros(1, 6, 5)
    label[0, 2:4, 1:4] = 1
    labels = torch.cat([label, label.flip(1), torch.zeros(1, 6, 5)])
    one_hot = torch.stack([1 - labels, labels], 1)
    confusion = torch.zeros(3, 2, 2, 6, 5)
    confusion[:, 0], confusion[:, 1] = one_hot[:, 0, None], one_hot[:, 1, None]
    row = scored(
        ["A", "B", "C"],
        annotators=labels,
        label=label,
        pred=one_hot[0],
        pred_annotators=one_hot,
        pred_by_annotator=one_hot,
        pred_confusion=confusion,
    )["summary"]
    assert row == {"case": "a", "dice": 1, "cm_error": 0, "ged": 0} | {f"dice_{n}": 1 for n in "ABC"} | {
        f"nll_{n}": 0 for n in "ABC"
    }


def test_an_absent_structure_has_no_dice_with_the_truth_but_one_between_annotators() -> None:
    nothing = torch.stack([torch.ones(6, 5), torch.zeros(6, 5)])
    empty = torch.zeros(1, 6, 5)
    predicted = {"pred": nothing, "pred_annotators": nothing[None], "pred_by_annotator": nothing[None]}
    row = scored(["A"], annotators=empty, label=empty, **predicted)["summary"]
    assert (row["dice"], row["dice_A"]) == ("", 1)


def test_absent_annotators_and_a_missing_truth_leave_cells_empty_or_out() -> None:
    labels = torch.ones(2, 6, 5)
    labels[1] = -1
    item = scored(["A", "B"], annotators=labels, label=None)
    assert list(item["summary"]) == ["case", "ged", "dice_A", "dice_B", "nll_A", "nll_B"]
    assert item["summary"]["dice_B"] == item["summary"]["nll_B"] == ""
    p = item["pred_annotators"]
    assert item["summary"]["nll_A"] == pytest.approx(float(-p[0, 1].log().mean()), abs=1e-5)
    distance = generalized_energy_distance(p.argmax(1), labels)
    assert item["summary"]["ged"] == pytest.approx(float(distance), abs=1e-5)


def test_other_names_than_labels() -> None:
    with pytest.raises(InputError, match="Case a"):
        scored(["A", "B"], annotators=torch.ones(3, 6, 5))


def saved(path: Path, probabilities: torch.Tensor, folder: Path, names: list[str] | None) -> dict:
    image = MetaTensor(torch.zeros(1, *probabilities.shape[2:]), meta={"filename_or_obj": str(path)})
    item = {"image": image, "case": "a/b", "p": probabilities, "summary": {"case": "a/b", "volume": 1}}
    return SaveAnnotatorsd("p", str(folder), names)(item)


def test_saved_as_nifti(tmp_path: Path) -> None:
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    nib.save(nib.Nifti1Image(np.zeros((5, 4, 3)), affine), tmp_path / "scan.nii.gz")
    p = random_probabilities(2, 3, 5, 4, 3, dim=1)
    row = saved(tmp_path / "scan.nii.gz", p, tmp_path / "out", ["A", "B"])["summary"]
    for name, annotator in zip("AB", p, strict=True):
        written = nib.load(tmp_path / f"out/a/b_annotator_{name}.nii.gz")
        np.testing.assert_array_equal(np.asarray(written.dataobj), annotator.argmax(0).numpy())
        np.testing.assert_allclose(written.affine, affine)
    differing = np.asarray(nib.load(tmp_path / "out/a/b_disagreement.nii.gz").dataobj)
    np.testing.assert_allclose(differing, disagreement(p).numpy())
    assert row == {"case": "a/b", "volume": 1, "mean_disagreement": pytest.approx(differing.mean(), abs=1e-5)}


@pytest.mark.parametrize(("classes", "values"), [(2, {0, 255}), (3, {0, 1, 2})])
def test_saved_as_png(classes: int, values: set[int], tmp_path: Path) -> None:
    """Two classes are black and white, more are indices; samples are numbered."""
    Image.new("L", (6, 5)).save(tmp_path / "photo.png")
    saved(tmp_path / "photo.png", random_probabilities(3, classes, 6, 5, dim=1), tmp_path, None)
    masks = [np.asarray(Image.open(tmp_path / f"a/b_annotator_{number}.png")) for number in (1, 2, 3)]
    assert set(np.unique(masks)) == values and masks[0].shape == (5, 6)


def test_other_names_than_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names"):
        saved(tmp_path / "photo.png", random_probabilities(3, 2, 6, 5, dim=1), tmp_path, ["A"])
