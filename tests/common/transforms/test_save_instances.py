"""Instances and overlaps of a volume, as files and rows."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.transforms import Compose

from common.data import load_images
from common.errors import InputError
from common.transforms import SaveInstancesd, class_map


@pytest.fixture
def item(tmp_path: Path) -> dict:
    """A volume whose first axis is sagittal, of 2 × 1 × 1 mm."""
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 3), np.float32), np.diag([2.0, 1, 1, 1])), tmp_path / "image.nii.gz")
    return {**Compose([load_images("image")])({"image": str(tmp_path / "image.nii.gz")}), "case": "a/b"}


def test_values(item: dict, tmp_path: Path) -> None:
    pred = torch.zeros(2, 4, 5, 3)
    pred[0, 1:3, 0, 0] = torch.tensor([0.6, 0.8])
    pred[1, 3, 4, 2] = 0.9
    pred[1, 1, 0, 0] = 0.55  # the femur is likelier
    found = SaveInstancesd("pred", str(tmp_path), ["femur", "tibia"])({**item, "pred": pred})
    assert found["summary"] == {
        "case": "a/b",
        "instances": 2,
        "volume_mm3": 6.0,
        "volume_mm3_femur": 4.0,
        "volume_mm3_tibia": 2.0,
        "score": 0.9,
        "first_slice": 1,
        "last_slice": 3,
    }
    assert [row["structure"] for row in found["instances"]] == ["femur", "tibia"]
    assert found["instances"][0]["score"] == pytest.approx(0.7)
    mask = np.asarray(nib.load(tmp_path / "a/b_mask.nii.gz").dataobj)
    np.testing.assert_array_equal(mask, class_map(pred).numpy())
    probabilities = np.asarray(nib.load(tmp_path / "a/b_probabilities.nii.gz").dataobj)
    np.testing.assert_allclose(probabilities[1, 0, 0], [0.4, 0.6, 0.55], rtol=1e-6)


def test_small_instances_leave_both_maps(item: dict, tmp_path: Path) -> None:
    pred = torch.zeros(1, 4, 5, 3)
    pred[0, 1:3, 0, 0] = pred[0, 0, 4, 2] = 0.9
    save = SaveInstancesd("pred", str(tmp_path), ["femur"], min_voxels=2, save_probabilities=False)
    assert save({**item, "pred": pred})["summary"]["instances"] == 1
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["b_instances.nii.gz", "b_mask.nii.gz"]
    for name in ("mask", "instances"):
        assert np.asarray(nib.load(tmp_path / f"a/b_{name}.nii.gz").dataobj).sum() == 2


def test_nothing_found(item: dict, tmp_path: Path) -> None:
    found = SaveInstancesd("pred", str(tmp_path), ["femur"])({**item, "pred": torch.zeros(1, 4, 5, 3)})
    assert found["instances"] == []
    assert found["summary"]["instances"] == 0 and found["summary"]["score"] == ""


def test_mistakes(item: dict, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a name for each of 2 structures, got femur"):
        SaveInstancesd("pred", str(tmp_path), ["femur"])({**item, "pred": torch.zeros(2, 4, 5, 3)})
    with pytest.raises(InputError, match="threshold"):
        SaveInstancesd("pred", str(tmp_path), ["femur"], threshold=1)
