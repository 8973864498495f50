"""Probability maps of every kind lie on the label's grid as the writing tools meant them."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.audit import load_case, read_probabilities
from common.audit.inputs import probability_files
from common.errors import InputError
from common.io import LabelMeaning
from common.transforms.save_probabilities import save_class_probabilities

SHAPE = (5, 4, 3)
AFFINE = np.array([[0.0, -1.5, 0, 10], [2.0, 0, 0, -7], [0, 0, 2.5, 3], [0, 0, 0, 1]])


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(0).dirichlet([1, 1, 1], size=SHAPE).transpose(3, 0, 1, 2).astype(np.float32)


def test_npz_of_nnunet(tmp_path: Path, maps: np.ndarray) -> None:
    """nnU-Net's SimpleITKIO takes GetArrayFromImage, (z, y, x), and saves the probabilities in that order."""
    sitk = pytest.importorskip("SimpleITK")
    written = []
    for index, volume in enumerate(maps):
        nib.save(nib.Nifti1Image(volume, AFFINE), tmp_path / f"{index}.nii.gz")
        written.append(sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / f"{index}.nii.gz"))))
    np.savez_compressed(tmp_path / "case.npz", probabilities=np.stack(written))
    found = read_probabilities(tmp_path / "case.npz", SHAPE)
    np.testing.assert_allclose(found, maps, atol=1e-6)


def test_a_class_lies_where_its_label_does(tmp_path: Path) -> None:
    label = np.zeros(SHAPE, np.uint8)
    label[4, 1, 2] = 2
    nib.save(nib.Nifti1Image(label, AFFINE), tmp_path / "case.nii.gz")
    probabilities = np.zeros((3, *reversed(SHAPE)), np.float16)
    probabilities[0] = 1
    probabilities[:, 2, 1, 4] = [0, 0, 1]  # z, y, x
    np.savez(tmp_path / "case.npz", probabilities=probabilities)
    case = load_case(tmp_path / "case.nii.gz", LabelMeaning({0: 0, 1: 1, 2: 2}), tmp_path / "case.npz")
    assert (case.probabilities.argmax(0) == case.label).all()
    assert case.spacing == (2.0, 1.5, 2.5)
    assert case.directions == (("back", "front"), ("right", "left"), ("down", "up"))


def test_npy_of_both_orders(tmp_path: Path, maps: np.ndarray) -> None:
    np.save(tmp_path / "xyz.npy", maps)
    np.save(tmp_path / "zyx.npy", maps.transpose(0, 3, 2, 1))
    np.save(tmp_path / "one.npy", maps[1].T)
    np.testing.assert_allclose(read_probabilities(tmp_path / "xyz.npy", SHAPE, "xyz"), maps, atol=1e-6)
    np.testing.assert_allclose(read_probabilities(tmp_path / "zyx.npy", SHAPE), maps, atol=1e-6)
    np.testing.assert_allclose(read_probabilities(tmp_path / "one.npy", SHAPE)[1], maps[1], atol=1e-6)
    with pytest.raises(InputError, match=r"xyz.npy: expected \(classes, 3, 4, 5\).*--axes xyz reads them"):
        read_probabilities(tmp_path / "xyz.npy", SHAPE)


def test_nifti_of_four_axes_and_of_three(tmp_path: Path, maps: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(np.moveaxis(maps, 0, -1), AFFINE), tmp_path / "four.nii.gz")
    nib.save(nib.Nifti1Image(maps[2], AFFINE), tmp_path / "three.nii.gz")
    np.testing.assert_allclose(read_probabilities(tmp_path / "four.nii.gz", SHAPE), maps, atol=1e-6)
    np.testing.assert_allclose(read_probabilities(tmp_path / "three.nii.gz", SHAPE)[1], maps[2], atol=1e-6)


@pytest.mark.parametrize(("dtype", "most"), [(np.uint8, 255), (np.uint16, 65535)])
def test_png_of_8_and_16_bits(tmp_path: Path, dtype: type, most: int) -> None:
    stored = np.array([[0, most, most // 2], [most // 4, 7, 3]], dtype)  # 2 high, 3 wide
    Image.fromarray(stored).save(tmp_path / "a.png")
    found = read_probabilities(tmp_path / "a.png", (3, 2))
    np.testing.assert_allclose(found[1], stored.T / most, atol=1e-6)
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)


def test_npz_of_nnunets_pictures(tmp_path: Path) -> None:
    """NaturalImage2DIO gives (classes, 1, H, W)."""
    foreground = np.arange(6, dtype=np.float32).reshape(2, 3) / 10
    np.savez(tmp_path / "a.npz", probabilities=np.stack([1 - foreground, foreground])[:, None])
    np.testing.assert_allclose(read_probabilities(tmp_path / "a.npz", (3, 2))[1], foreground.T, atol=1e-6)


def test_what_is_no_probability_is_refused_by_name(tmp_path: Path, maps: np.ndarray) -> None:
    bad = {
        "sums.npy": (maps * np.float32(0.7), "sums.npy: expected probabilities of 3 classes that sum to 1"),
        "logits.npy": (maps * 9 - 3, "logits.npy: expected probabilities from 0 to 1, got values from"),
        "nan.npy": (np.where(maps > 0.9, np.nan, maps), "nan.npy: expected probabilities from 0 to 1"),
        "size.npy": (maps[:, :4], "size.npy: expected .classes, 5, 4, 3. with --axes xyz, got the shape .3, 4, 4, 3."),
        "axes.npy": (maps[0, 0], "axes.npy: expected 3 axes and one of classes, got the shape"),
    }
    for name, (array, message) in bad.items():
        np.save(tmp_path / name, array)
        with pytest.raises(InputError, match=message):
            read_probabilities(tmp_path / name, SHAPE, "xyz")
    np.savez(tmp_path / "keys.npz", a=maps, b=maps)
    with pytest.raises(InputError, match=r"keys.npz: expected an array named probabilities, got a, b"):
        read_probabilities(tmp_path / "keys.npz", SHAPE)
    (tmp_path / "cut.npz").write_bytes((tmp_path / "keys.npz").read_bytes()[:100])
    with pytest.raises(InputError, match=r"cut.npz cannot be read as a NumPy array"):
        read_probabilities(tmp_path / "cut.npz", SHAPE)


def test_a_map_on_another_grid_is_refused(tmp_path: Path, maps: np.ndarray) -> None:
    moved = AFFINE.copy()
    moved[0, 3] += 3
    nib.save(nib.Nifti1Image(maps[1], moved), tmp_path / "a.nii.gz")
    label = MetaTensor(torch.zeros(1, *SHAPE), affine=torch.from_numpy(AFFINE))
    with pytest.raises(InputError, match=r"a.nii.gz: its affine puts it up to 3 mm from the label"):
        read_probabilities(tmp_path / "a.nii.gz", SHAPE, label=label)


def test_a_label_of_more_classes_than_the_map_is_refused(tmp_path: Path, maps: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(np.full(SHAPE, 3, np.uint8), AFFINE), tmp_path / "a.nii.gz")
    np.save(tmp_path / "a.npy", maps.transpose(0, 3, 2, 1))
    meaning = LabelMeaning({0: 0, 3: 3})
    with pytest.raises(InputError, match=r"a.npy: expected probabilities of at least 4 classes.*got 3"):
        load_case(tmp_path / "a.nii.gz", meaning, tmp_path / "a.npy")


def test_maps_are_found_by_name(tmp_path: Path) -> None:
    first, second = tmp_path / "fold0", tmp_path / "fold1"
    for folder in (first, second):
        folder.mkdir()
    for path in (first / "a.npz", first / "a.nii.gz", first / "b_mask.png", first / "b_probability.png"):
        path.touch()
    for path in (second / "a.npz", second / "c.nii.gz", second / "c_probabilities.nii.gz", second / "d.txt"):
        path.touch()
    found = probability_files(["a", "b", "c", "d"], [first, second])
    assert found == {
        "a": (first / "a.npz",),
        "b": (first / "b_probability.png",),
        "c": (second / "c_probabilities.nii.gz",),
    }
    with pytest.raises(InputError, match=r"nowhere is no folder"):
        probability_files(["a"], [tmp_path / "nowhere"])


@pytest.mark.parametrize("classes", [["foreground"], ["vessel", "lesion"]])
def test_pictures_as_the_bundles_write_them(classes: list[str], tmp_path: Path) -> None:
    maps = np.random.default_rng(0).dirichlet(np.ones(len(classes) + 1), (7, 5)).transpose(2, 0, 1)
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(tmp_path / "a.png")
    save_class_probabilities(tmp_path / "a.png", list(maps), tmp_path / "maps/a", classes)
    (tmp_path / "maps/a_entropy.png").touch()
    found = probability_files(["a"], [tmp_path / "maps"], ["background", *classes])["a"]
    np.testing.assert_allclose(read_probabilities(found, (7, 5)), maps, atol=0.01)
    if len(classes) > 1:
        with pytest.raises(
            InputError,
            match=r"a: expected --class_names, background first, which gives the order of its maps lesion, vessel",
        ):
            probability_files(["a"], [tmp_path / "maps"])
        with pytest.raises(InputError, match=r"expected maps of 2 classes that sum to 1 at most, got"):
            read_probabilities([found[0], found[0]], (7, 5))


def test_the_marginal_of_a_picture(tmp_path: Path) -> None:
    (tmp_path / "a_marginal.png").touch()
    assert probability_files(["a"], [tmp_path]) == {"a": (tmp_path / "a_marginal.png",)}


def test_volumes_with_a_map_of_the_background_too(tmp_path: Path, maps: np.ndarray) -> None:
    """As `SaveSegmentationd` writes them, in the order of their names another one."""
    names = ["background", "vessel", "lesion"]
    for name, part in zip(names, maps, strict=True):
        nib.save(nib.Nifti1Image(part, AFFINE), tmp_path / f"a_probability_{name}.nii.gz")
    found = probability_files(["a"], [tmp_path], names)["a"]
    np.testing.assert_allclose(read_probabilities(found, SHAPE), maps, atol=1e-6)
