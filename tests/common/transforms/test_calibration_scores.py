"""The row that sums up a case's Dice and calibration."""

import pytest
import torch

from common.errors import InputError
from common.metrics import (
    brier_score,
    expected_calibration_error,
    negative_log_likelihood,
    thresholded_adaptive_calibration_error,
    top_label_calibration_error,
)
from common.transforms import BoundaryBandLabeld, CalibrationScoresd

NAMES = ["background", "ventricle", "muscle"]


def item(seed: int = 0) -> dict:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 12, 10, 4, generator=generator)
    label = (logits + torch.randn(logits.shape, generator=generator)).argmax(0, keepdim=True).float()
    return BoundaryBandLabeld("label", radius=2.0)(
        {"case": "a/b", "subject": "a", "pred": logits.softmax(0), "label": label}
    )


def test_scores_are_those_of_the_metrics() -> None:
    data = item()
    row = CalibrationScoresd("pred", NAMES)(data)["summary"]
    p, y, band = (data[key][None] for key in ("pred", "label", "label_band"))
    expected = {
        "ece_all": expected_calibration_error(p, y),
        "ece_foreground": expected_calibration_error(p, y, region="foreground"),
        "ece_band": expected_calibration_error(p, band),
        "tace": thresholded_adaptive_calibration_error(p, y),
    }
    assert row["ece_paper"] == row["ece_top_foreground"]
    regions = {"all": (y, "all"), "foreground": (y, "foreground"), "prediction": (y, "prediction")}
    for name, (target, region) in (regions | {"union": (y, "union"), "band": (band, "all")}).items():
        expected[f"ece_{name}"] = expected_calibration_error(p, target, region=region)
        scores = {
            "ece_top": top_label_calibration_error(p, target, region=region),
            "brier": brier_score(p, target, region),
            "nll": negative_log_likelihood(p, target, region),
        }
        for score, value in scores.items():
            assert row[f"{score}_{name}"] == pytest.approx(value.item(), abs=1e-6)
    for name, error in expected.items():
        assert row[name] == pytest.approx(error[0, 1:].mean().item(), abs=1e-6)
    chosen = p[0].argmax(0)
    for c, name in enumerate(NAMES[1:], 1):
        both = ((chosen == c) & (y[0, 0] == c)).sum()
        assert row[f"dice_{name}"] == pytest.approx(
            (2 * both / ((chosen == c).sum() + (y == c).sum())).item(), abs=1e-6
        )
    assert row["dice"] == pytest.approx((row["dice_ventricle"] + row["dice_muscle"]) / 2, abs=1e-6)
    assert (row["case"], row["subject"]) == ("a/b", "a")


def test_an_absent_structure_has_no_dice_and_a_false_one_has_0() -> None:
    data = item()
    data["label"] = data["label"].clamp_max(1)
    row = CalibrationScoresd("pred", NAMES)(data)["summary"]
    assert row["dice_muscle"] == 0 and row["dice"] == pytest.approx(row["dice_ventricle"] / 2, abs=1e-6)
    assert (row["absent"], row["missed"], row["false"]) == (0, 0, 1)
    data["pred"][2] = 0  # nor predicted: then it is not there
    row = CalibrationScoresd("pred", NAMES)(data)["summary"]
    assert row["dice_muscle"] == "" and row["dice"] == row["dice_ventricle"]
    assert (row["absent"], row["missed"], row["false"]) == (1, 0, 0)


def test_perfect_probabilities() -> None:
    data = item()
    data["pred"] = torch.nn.functional.one_hot(data["label"][0].long(), 3).movedim(-1, 0).float()
    row = CalibrationScoresd("pred", NAMES)(data)["summary"]
    assert row["dice"] == 1 and row["ece_all"] == row["ece_foreground"] == row["ece_band"] == row["tace"] == 0


def test_mistakes_are_named() -> None:
    with pytest.raises(InputError, match="class_names: expected the background and at least one structure"):
        CalibrationScoresd("pred", ["background"])
    with pytest.raises(InputError, match="Case a/b: expected probabilities of 4 classes, got 3"):
        CalibrationScoresd("pred", [*NAMES, "fat"])(item())
