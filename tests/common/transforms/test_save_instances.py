"""Instances and overlaps of a volume, as files and rows."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Compose, Orientation
from PIL import Image

from common.errors import InputError
from common.io import LoadCased
from common.transforms import SaveInstancesd, SliceStackd, class_map
from common.transforms.save_prediction import save_like


@pytest.fixture
def item(tmp_path: Path) -> dict:
    """A volume whose first axis is sagittal, of 2 × 1 × 1 mm."""
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 3), np.float32), np.diag([2.0, 1, 1, 1])), tmp_path / "image.nii.gz")
    return {**Compose([LoadCased("image")])({"image": str(tmp_path / "image.nii.gz")}), "case": "a/b"}


def test_values(item: dict, tmp_path: Path) -> None:
    pred = torch.zeros(2, 4, 5, 3)
    pred[0, 1:3, 0, 0] = torch.tensor([0.6, 0.8])
    pred[1, 3, 4, 2] = 0.9
    pred[1, 1, 0, 0] = 0.55  # the femur is likelier
    found = SaveInstancesd("pred", str(tmp_path), ["femur", "tibia"], orientation="IPL")({**item, "pred": pred})
    assert found["summary"] == {
        "case": "a/b",
        "instances": 2,
        "foreground_voxels": 3,
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


def test_the_score_is_that_of_the_best_detection(item: dict, tmp_path: Path) -> None:
    pred = torch.zeros(4, 4, 5, 3)  # two structures and their scores
    pred[0, 0, 0, 0], pred[0, 1, 0, 0], pred[1, 3, 4, 2] = 0.99, 0.6, 0.7
    pred[2, 0, 0, 0], pred[2, 1, 0, 0], pred[3, 3, 4, 2] = 0.55, 0.8, 0.95
    found = SaveInstancesd("pred", str(tmp_path), ["femur", "tibia"], with_scores=True)({**item, "pred": pred})
    assert [row["score"] for row in found["instances"]] == pytest.approx([0.8, 0.95])
    assert found["summary"]["score"] == pytest.approx(0.95)
    assert nib.load(tmp_path / "a/b_probabilities.nii.gz").shape == (4, 5, 3, 3)


@pytest.mark.parametrize(("orientation", "slices"), [("IPL", (1, 3)), ("RSA", (0, 4)), ("RAS", (0, 2))])
def test_slices_count_along_the_axis_that_the_network_saw_last(
    item: dict, tmp_path: Path, orientation: str, slices: tuple[int, int]
) -> None:
    pred = torch.zeros(1, 4, 5, 3)
    pred[0, 1, 0, 0] = pred[0, 3, 4, 2] = 0.9
    found = SaveInstancesd("pred", str(tmp_path), ["femur"], orientation=orientation)({**item, "pred": pred})["summary"]
    assert (found["first_slice"], found["last_slice"]) == slices


@pytest.mark.parametrize("degrees", [0, 30, 60, 90])
def test_slices_of_a_tilted_scan_count_as_the_network_takes_them(tmp_path: Path, degrees: float) -> None:
    """Thick slices reach far along each axis of the world, in whatever direction they are stacked."""
    turn, affine = np.deg2rad(degrees), np.eye(4)
    affine[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    affine[:3, :3] *= (1.5, 1.5, 10.0)
    nib.save(nib.Nifti1Image(np.zeros((6, 7, 5), np.float32), affine), tmp_path / "scan.nii.gz")
    image = LoadCased("image")({"image": str(tmp_path / "scan.nii.gz")})["image"]
    places = torch.stack(torch.meshgrid(*map(torch.arange, (6, 7, 5)), indexing="ij"))
    along = Orientation("RAS", labels=None)(MetaTensor(places, affine=image.affine))[:, 0, 0]
    axis = int(along.diff().abs().sum(1).argmax())  # whose index runs along the network's slices
    pred = torch.zeros(1, 6, 7, 5)
    pred[0, 1:3, 3:6, 2:4] = 0.9
    save = SaveInstancesd("pred", str(tmp_path), ["femur"], orientation="RAS")
    found = save({"image": image, "case": "a", "pred": pred})["summary"]
    assert (found["first_slice"], found["last_slice"]) == [(1, 2), (3, 5), (2, 3)][axis]


@pytest.mark.parametrize("classes", [1, 2])
def test_a_picture(tmp_path: Path, classes: int) -> None:
    Image.new("L", (6, 4)).save(tmp_path / "image.png")
    chain = Compose([LoadCased("image"), SliceStackd("image")])
    item = {**chain({"image": str(tmp_path / "image.png")}), "case": "b"}
    pred = torch.zeros(classes, 6, 4, 1)
    pred[-1, 0, :2], pred[-1, 5, 3] = 0.9, 0.8
    names = ["nucleus", "cell"][-classes:]
    found = SaveInstancesd("pred", str(tmp_path), names)({**item, "pred": pred})
    counts = {key: value for key, value in found["summary"].items() if "voxels" in key or "mm3" in key or "pix" in key}
    assert counts == {"foreground_pixels": 3, "pixels_cell": 3} | ({"pixels_nucleus": 0} if classes == 2 else {})
    assert [(row["structure"], row["pixels"]) for row in found["instances"]] == [("cell", 2), ("cell", 1)]
    assert not {"voxels", "volume_mm3"} & set(found["instances"][0])
    mask = np.asarray(Image.open(tmp_path / "b_mask.png"))
    instances = np.asarray(Image.open(tmp_path / "b_instances.png"))
    assert mask.shape == instances.shape == (4, 6) and instances.dtype == np.uint16
    assert mask[0, 0] == mask[3, 5] == (255 if classes == 1 else 2) and mask.astype(bool).sum() == 3
    assert (instances[0, 0], instances[1, 0], instances[3, 5]) == (1, 1, 2)
    assert np.asarray(Image.open(tmp_path / "b_probability_cell.png"))[3, 5] == 204


def test_a_picture_of_too_many_instances(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="up to 65535, got 65536"):
        save_like("image.png", np.full((2, 2), 65536, np.int32), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


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
    with pytest.raises(InputError, match="three letters such as RAS, got 'x'"):
        SaveInstancesd("pred", str(tmp_path), ["femur"], orientation="x")
    with pytest.raises(InputError, match="threshold"):
        SaveInstancesd("pred", str(tmp_path), ["femur"], threshold=1)
