"""Decision rules by name, what they write, and what they are worth per case."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.decision import decision_threshold, dice_optimal_partition, dice_optimal_threshold
from common.errors import ArgumentError, InputError
from common.transforms import DecisionScoresd, DiceOptimalThresholdd, SaveDecisiond


def marginal(*shape: int) -> torch.Tensor:
    return torch.rand(1, *shape, generator=torch.Generator().manual_seed(0)) ** 2 * 0.9


def test_thresholds() -> None:
    maps = torch.stack([marginal(4, 5), torch.zeros(1, 4, 5)])
    assert torch.equal(decision_threshold(maps, "dice_optimal"), dice_optimal_threshold(maps)[0])
    assert decision_threshold(maps, "half").tolist() == [[0.5], [0.5]]
    assert decision_threshold(maps, 0.25).tolist() == [[0.25], [0.25]]
    assert decision_threshold(maps, "0.25").tolist() == [[0.25], [0.25]], "as the command line may hand it over"


@pytest.mark.parametrize("decision", ["dice", "", None, 0, -1, 1.5, "nan"])
def test_other_decisions_are_refused_at_once(decision: object) -> None:
    with pytest.raises(ArgumentError, match="expected dice_optimal, half or a threshold above 0 and up to 1"):
        SaveDecisiond("pred", "unused", decision)


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    affine = np.array([[0, -2.0, 0, 5], [3.0, 0, 0, 6], [0, 0, 0.5, 7], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(np.zeros((6, 5, 4), dtype=np.int16), affine), path)
    return path


@pytest.mark.parametrize("decision", ["dice_optimal", "half", 0.3])
def test_written_files_and_row(decision: str | float, volume: Path, tmp_path: Path) -> None:
    """Mask, marginal and numbers by hand in float64."""
    values = marginal(6, 5, 4)
    image = MetaTensor(torch.zeros(1, 6, 5, 4), meta={"filename_or_obj": str(volume)})
    item = {"case": "a/scan", "image": image, "pred": values}
    row = SaveDecisiond("pred", str(tmp_path / "out"), decision)(item)["summary"]

    m = values[0].double().numpy()
    ordered = np.sort(m.ravel())[::-1]
    best = (2 * ordered.cumsum() / (m.sum() + np.arange(1, m.size + 1))).max() / 2
    t = {"dice_optimal": best, "half": 0.5}.get(decision, decision)
    mask = m >= t
    assert row["case"] == "a/scan"
    assert row["threshold"] == pytest.approx(t, abs=1e-6)
    assert row["expected_dice"] == pytest.approx(2 * m[mask].sum() / (mask.sum() + m.sum()), abs=1e-6)
    assert row["volume_mm3"] == pytest.approx(3.0 * mask.sum())
    assert row["volume_at_half_mm3"] == pytest.approx(3.0 * (m >= 0.5).sum())

    written = nib.load(tmp_path / "out/a/scan_mask.nii.gz")
    np.testing.assert_array_equal(written.dataobj, mask)
    np.testing.assert_array_equal(written.affine, nib.load(volume).affine)
    np.testing.assert_allclose(nib.load(tmp_path / "out/a/scan_marginal.nii.gz").dataobj, values[0])


def test_pictures_have_no_volume(tmp_path: Path) -> None:
    Image.new("L", (6, 5)).save(tmp_path / "picture.png")
    image = MetaTensor(torch.zeros(1, 6, 5), meta={"filename_or_obj": str(tmp_path / "picture.png")})
    item = {"case": "picture", "image": image, "pred": marginal(6, 5)}
    row = SaveDecisiond("pred", str(tmp_path / "out"), save_marginal=False)(item)["summary"]
    p = item["pred"][0]
    assert row["foreground_pixels_at_half"] == int((p >= 0.5).sum()) > 0
    assert row["foreground_pixels"] == int((p >= row["threshold"]).sum()) > row["foreground_pixels_at_half"]
    assert not [column for column in row if "mm3" in column]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["picture_mask.png"]


def test_an_empty_marginal_has_an_empty_mask(volume: Path, tmp_path: Path) -> None:
    image = MetaTensor(torch.zeros(1, 6, 5, 4), meta={"filename_or_obj": str(volume)})
    row = SaveDecisiond("pred", str(tmp_path))({"case": "scan", "image": image, "pred": torch.zeros(1, 6, 5, 4)})[
        "summary"
    ]
    assert (row["threshold"], row["expected_dice"], row["volume_mm3"]) == (0.5, 1, 0)


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_scores(shape: tuple[int, ...]) -> None:
    values = marginal(*shape)
    noisy, clean = (torch.rand(1, *shape, generator=torch.Generator().manual_seed(seed)) > 0.6 for seed in (1, 2))
    item = DiceOptimalThresholdd("pred")({"case": "a", "pred": values, "half": (values >= 0.5).float()})
    item |= {"marginal": values, "label": noisy.float(), "clean_label": clean.float()}
    labels = {"noisy": "label", "clean": "clean_label"}
    scores = DecisionScoresd("pred", {"half": "half", "optimal": "pred"}, labels, probabilities="marginal")
    row = scores(item)["summary"]
    assert list(row) == ["case", "threshold", "expected_dice"] + [
        f"dice_{decision}_{label}" for label in ("noisy", "clean") for decision in ("half", "optimal")
    ]
    for decision, mask in (("half", values >= 0.5), ("optimal", values >= row["threshold"])):
        for label, truth in (("noisy", noisy), ("clean", clean)):
            dice = 2 * (mask & truth).sum() / (mask.sum() + truth.sum())
            assert row[f"dice_{decision}_{label}"] == pytest.approx(float(dice), abs=1e-6)
    assert row["expected_dice"] == pytest.approx(float(item["pred_expected_dice"]), abs=1e-6)


def test_the_dice_to_expect_is_of_the_voxels_that_are_labeled() -> None:
    """Otherwise probabilities that are right seem to be wrong: 0.95 was expected here and 0 obtained."""
    values = torch.tensor([[[0.95] * 50 + [0.05] * 20]])
    label = torch.tensor([[[-1.0] * 50 + [1.0] + [0.0] * 19]])
    item = DiceOptimalThresholdd("pred")({"case": "a", "pred": values, "marginal": values, "label": label})
    row = DecisionScoresd("pred", {"optimal": "pred"}, "label", probabilities="marginal")(item)["summary"]
    assert float(item["pred_expected_dice"]) > 0.9
    assert (row["expected_dice"], row["dice_optimal"]) == (0.0, 0.0)


def classes(*shape: int) -> torch.Tensor:
    """Probabilities of three classes, background first."""
    scores = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    return (scores + torch.tensor([1.0, 0.0, 0.0]).view(3, *[1] * len(shape))).softmax(0)


@pytest.mark.parametrize("decision", ["dice_optimal", "half", 0.45])
def test_several_classes_give_one_class_map(decision: str | float, volume: Path, tmp_path: Path) -> None:
    values = classes(6, 5, 4)
    image = MetaTensor(torch.zeros(1, 6, 5, 4), meta={"filename_or_obj": str(volume)})
    save = SaveDecisiond("pred", str(tmp_path / "out"), decision, class_names=["background", "disc", "ring"])
    item = save({"case": "scan", "image": image, "pred": values})

    thresholds = dice_optimal_partition(values[None])[1][0].tolist()
    expected = np.zeros((6, 5, 4))
    for place in np.ndindex(6, 5, 4):
        p = values[(slice(None), *place)].double().tolist()
        if decision == "half":
            expected[place] = int(np.argmax(p))
        else:
            ratios = [
                x / t for x, t in zip(p[1:], thresholds if decision == "dice_optimal" else [0.45, 0.45], strict=True)
            ]
            expected[place] = int(np.argmax(ratios)) + 1 if max(ratios) >= 1 - 1e-12 else 0
    np.testing.assert_array_equal(nib.load(tmp_path / "out/scan_mask.nii.gz").dataobj, expected)
    np.testing.assert_array_equal(item["pred"][0], expected)
    assert set(np.unique(expected)) == {0, 1, 2}
    row, half = item["summary"], values.argmax(0)
    assert list(row)[:5] == [
        "case",
        "threshold_disc",
        "expected_dice_disc",
        "volume_mm3_disc",
        "volume_at_half_mm3_disc",
    ]
    for k, name in ((1, "disc"), (2, "ring")):
        wanted = {"dice_optimal": thresholds[k - 1], "half": ""}.get(decision, decision)
        assert row[f"threshold_{name}"] == (wanted if wanted == "" else pytest.approx(wanted, abs=1e-6))
        inside, p = expected == k, values[k].double().numpy()
        assert row[f"expected_dice_{name}"] == pytest.approx(2 * p[inside].sum() / (inside.sum() + p.sum()), abs=1e-6)
        assert row[f"volume_mm3_{name}"] == pytest.approx(3.0 * inside.sum())
        assert row[f"volume_at_half_mm3_{name}"] == pytest.approx(3.0 * int((half == k).sum()))
    written = nib.load(tmp_path / "out/scan_probabilities.nii.gz")
    np.testing.assert_allclose(written.dataobj, values.movedim(0, -1))


def test_several_channels_must_be_classes(volume: Path, tmp_path: Path) -> None:
    image = MetaTensor(torch.zeros(1, 6, 5, 4), meta={"filename_or_obj": str(volume)})
    item = {"case": "scan", "image": image, "pred": torch.full((3, 6, 5, 4), 0.6)}
    with pytest.raises(InputError, match="Case scan: expected the probabilities of 3 classes"):
        SaveDecisiond("pred", str(tmp_path / "out"))(item)
    with pytest.raises(InputError, match="Case scan: class_names: expected a name for each of 3 channels"):
        SaveDecisiond("pred", str(tmp_path / "out"), class_names=["a", "b"])(item)
    assert not (tmp_path / "out").exists()


def test_scores_of_several_classes_leave_out_what_was_not_labeled() -> None:
    item = DiceOptimalThresholdd("pred")({"case": "a", "pred": classes(4, 5)})
    label = torch.randint(0, 3, (1, 4, 5), generator=torch.Generator().manual_seed(1)).float()
    label[0, 0] = -1
    scores = DecisionScoresd(
        "pred", {"optimal": "pred"}, "label", ["background", "disc", "ring"], probabilities="marginal"
    )
    row = scores(item | {"label": label, "marginal": classes(4, 5)})["summary"]
    for k, name in ((1, "disc"), (2, "ring")):
        mask, truth = item["pred"][0, 1:] == k, label[0, 1:] == k
        wanted = float(2 * (mask & truth).sum() / (mask.sum() + truth.sum()))
        assert row[f"dice_optimal_{name}"] == pytest.approx(wanted, abs=1e-6)
        p = classes(4, 5)[k, 1:]
        expected = float(2 * p[mask].sum() / (mask.sum() + p.sum()))
        assert row[f"expected_dice_{name}"] == pytest.approx(expected, abs=1e-6)
        assert row[f"threshold_{name}"] == pytest.approx(float(item["pred_threshold"][k - 1]), abs=1e-6)
    assert row["dice_optimal"] == pytest.approx((row["dice_optimal_disc"] + row["dice_optimal_ring"]) / 2, abs=1e-6)
    empty = {"case": "a", "pred": torch.zeros(1, 4, 5), "label": torch.zeros(1, 4, 5)}
    empty |= {"pred_threshold": torch.tensor([0.5]), "marginal": torch.zeros(1, 4, 5)}
    assert (
        DecisionScoresd("pred", {"optimal": "pred"}, "label", probabilities="marginal")(empty)["summary"][
            "dice_optimal"
        ]
        == ""
    )
