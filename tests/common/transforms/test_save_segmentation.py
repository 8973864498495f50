"""Predictions of several channels become class maps, or are refused; never one channel of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.errors import InputError
from common.transforms import SaveDecisiond, SaveSegmentationd

CLASSES = np.array([[[0, 1, 2], [2, 1, 0]]]).reshape(2, 3, 1)


def item(folder: Path, probabilities: torch.Tensor, suffix: str = ".nii.gz") -> dict[str, Any]:
    path = folder / f"scan{suffix}"
    if suffix == ".png":
        Image.new("L", (2, 3)).save(path)
    else:
        nib.save(nib.Nifti1Image(np.zeros((2, 3, 1), np.float32), np.diag([2.0, 1, 3, 1])), path)
    image = MetaTensor(torch.zeros(1, 2, 3, 1), meta={"filename_or_obj": str(path)})
    return {"case": "scan", "image": image, "pred": probabilities}


def shares() -> torch.Tensor:
    """Probabilities of three classes whose highest are `CLASSES`, with one tie between classes 1 and 2."""
    values = torch.nn.functional.one_hot(torch.from_numpy(CLASSES), 3).movedim(-1, 0) * 0.6 + 0.4 / 3
    values[:, 0, 1, 0] = torch.tensor([0.2, 0.4, 0.4])
    return values


def test_several_channels_are_a_class_map(tmp_path: Path) -> None:
    names = ["background", "liver", "tumor"]
    save = SaveSegmentationd("pred", str(tmp_path / "out"), class_names=names, save_probability=True)
    found = save(item(tmp_path, shares()))
    np.testing.assert_array_equal(np.asarray(nib.load(tmp_path / "out/scan_mask.nii.gz").dataobj), CLASSES)
    np.testing.assert_array_equal(found["pred"][0].numpy(), CLASSES)
    row = found["summary"]
    counts = {key: value for key, value in row.items() if key not in ("case", "mean_confidence")}
    assert counts == {
        "foreground_voxels": 4,
        "volume_mm3": 24.0,
        "voxels_liver": 2,
        "volume_mm3_liver": 12.0,
        "voxels_tumor": 2,
        "volume_mm3_tumor": 12.0,
    }
    assert row["mean_confidence"] == pytest.approx((5 * (0.6 + 0.4 / 3) + 0.4) / 6, abs=1e-6)
    assert {path.name for path in (tmp_path / "out").glob("*_probability_*")} == {
        f"scan_probability_{name}.nii.gz" for name in names
    }


def test_a_picture_holds_class_numbers(tmp_path: Path) -> None:
    found = SaveSegmentationd("pred", str(tmp_path / "out"))(item(tmp_path, shares(), ".png"))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/scan_mask.png")).T, CLASSES[..., 0])
    sizes = {key: value for key, value in found["summary"].items() if key not in ("case", "mean_confidence")}
    assert sizes == {"foreground_pixels": 4, "pixels_1": 2, "pixels_2": 2}


def test_one_channel_is_a_threshold(tmp_path: Path) -> None:
    pred = torch.tensor([0.1, 0.6, 0.5, 0.7, 0.2, 0.9]).view(1, 2, 3, 1)
    row = SaveSegmentationd("pred", str(tmp_path / "out"))(item(tmp_path, pred))["summary"]
    expected = {"case": "scan", "foreground_voxels": 3, "volume_mm3": 18.0, "mean_confidence": 0.733333}
    assert row == expected


@pytest.mark.parametrize(
    ("probabilities", "names", "message"),
    [
        (torch.rand(3, 2, 3, 1) + 1, None, "which sum to 1 in every voxel"),
        (torch.full((3, 2, 3, 1), float("nan")), None, "which sum to 1"),
        (torch.full((2, 2, 3, 1), 0.5), ["background", "a", "b"], "a name for each of 2 channels"),
    ],
)
def test_others_are_refused(probabilities: torch.Tensor, names: list[str] | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        SaveSegmentationd("pred", str(tmp_path / "out"), class_names=names)(item(tmp_path, probabilities))
    assert "Case scan" in str(raised.value) and not (tmp_path / "out").exists()


def test_a_threshold_of_several_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"threshold: expected none for 3 classes.*got 0\.9"):
        SaveSegmentationd("pred", str(tmp_path), threshold=0.9, class_names=["background", "liver", "tumor"])
    assert SaveSegmentationd("pred", str(tmp_path), threshold=0.9, class_names=["background", "liver"]).threshold == 0.9


def test_a_decision_of_several_channels_is_one_class_map(tmp_path: Path) -> None:
    decided = SaveDecisiond("pred", str(tmp_path / "out"))(item(tmp_path, shares()))["pred"]
    assert len(decided) == 1 and set(decided.unique().tolist()) <= {0, 1, 2}
