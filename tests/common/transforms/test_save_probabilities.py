"""Class probabilities as files: geometry, values, summary."""

from __future__ import annotations

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.errors import InputError
from common.transforms import SaveProbabilitiesd
from common.transforms.save_probabilities import relative_entropy

AFFINE = np.array([[0, 0, 5.0, -40], [-2.0, 0, 0, 30], [0, 2.5, 0, 10], [0, 0, 0, 1]])


def nifti(folder: Path, shape: tuple[int, ...]) -> Path:
    path = folder / "scan.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(shape, dtype=np.int16), AFFINE), path)
    return path


def picture(folder: Path, size: tuple[int, int]) -> Path:
    path = folder / "photo.png"
    Image.new("L", size).save(path)
    return path


def item(path: Path, probabilities: torch.Tensor) -> dict:
    image = MetaTensor(torch.zeros(1, *probabilities.shape[1:]), meta={"filename_or_obj": str(path)})
    return {"image": image, "case": "a/b", "pred": probabilities}


def random_probabilities(classes: int, *spatial: int) -> torch.Tensor:
    return torch.rand(classes, *spatial, generator=torch.Generator().manual_seed(0)).mul(4).softmax(0)


@pytest.mark.parametrize("shape", [(5, 4, 3), (5, 4), (1, 1, 1)])
@pytest.mark.parametrize("classes", [2, 4])
def test_nifti(shape: tuple[int, ...], classes: int, tmp_path: Path) -> None:
    """Every file has the scan's affine; the mask, the entropy and the row follow from the probabilities written."""
    probabilities = random_probabilities(classes, *(*shape, 1)[:3])  # slices were stacked
    path = nifti(tmp_path, shape)
    row = SaveProbabilitiesd("pred", str(tmp_path / "out"))(item(path, probabilities))["summary"]
    mask, entropy, maps = (
        nib.load(tmp_path / f"out/a/b_{name}.nii.gz") for name in ("mask", "entropy", "probabilities")
    )
    scan = nib.load(path)
    assert mask.shape == entropy.shape == scan.shape
    assert maps.shape == (*(*shape, 1)[:3], classes)
    for written in (mask, entropy, maps):
        np.testing.assert_allclose(written.affine, AFFINE)
        assert written.header.get_zooms()[:2] == scan.header.get_zooms()[:2]
    p = np.asarray(maps.dataobj)
    np.testing.assert_array_equal(p, probabilities.movedim(0, -1).numpy())
    np.testing.assert_array_equal(np.asarray(mask.dataobj).ravel(), p.argmax(-1).ravel())
    expected = -(p * np.log(p)).sum(-1) / math.log(classes)
    np.testing.assert_allclose(np.asarray(entropy.dataobj).ravel(), expected.ravel(), rtol=1e-5)
    assert row["mean_entropy"] == pytest.approx(expected.mean(), abs=1e-5)
    voxel = float(np.prod(scan.header.get_zooms()[:3]))
    for index in range(1, classes):
        assert row[f"volume_mm3_{index}"] == pytest.approx((p.argmax(-1) == index).sum() * voxel, abs=1e-2)
        assert row[f"expected_volume_mm3_{index}"] == pytest.approx(p[..., index].sum() * voxel, abs=1e-2)


@pytest.mark.parametrize("endianness", ["<", ">"])
def test_nifti_of_either_byte_order(endianness: str, tmp_path: Path) -> None:
    """Voxels that are written in one order under a header in the other are noise."""
    header = nib.Nifti1Header(endianness=endianness)
    header["cal_max"] = 1000  # the window in which viewers show the scan
    scan = nib.Nifti1Image(np.zeros((5, 4, 3), ">f4" if endianness == ">" else "<f4"), AFFINE, header)
    nib.save(scan, tmp_path / "scan.nii.gz")
    assert nib.load(tmp_path / "scan.nii.gz").header.endianness == endianness
    probabilities = random_probabilities(3, 5, 4, 3)
    SaveProbabilitiesd("pred", str(tmp_path / "out"))(item(tmp_path / "scan.nii.gz", probabilities))
    maps = nib.load(tmp_path / "out/a/b_probabilities.nii.gz")
    np.testing.assert_array_equal(np.asarray(maps.dataobj), probabilities.movedim(0, -1).numpy())
    np.testing.assert_allclose(maps.affine, AFFINE)
    assert maps.header["cal_max"] == 0
    mask = np.asarray(nib.load(tmp_path / "out/a/b_mask.nii.gz").dataobj)
    np.testing.assert_array_equal(mask, probabilities.argmax(0).numpy())


@pytest.mark.parametrize("spatial", [(6, 4), (6, 4, 1)])
def test_png(spatial: tuple[int, ...], tmp_path: Path) -> None:
    """Class indices in the mask, a picture per foreground class, pixels in the place of millimeters."""
    probabilities = random_probabilities(3, *spatial)
    save = SaveProbabilitiesd("pred", str(tmp_path), class_names=["left", "right"])
    row = save(item(picture(tmp_path, (6, 4)), probabilities))["summary"]
    flat = probabilities.reshape(3, 6, 4).numpy()
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a/b_mask.png")).T, flat.argmax(0))
    for index, name in enumerate(("left", "right"), start=1):
        written = np.asarray(Image.open(tmp_path / f"a/b_probability_{name}.png")).T
        np.testing.assert_array_equal(written, np.rint(flat[index] * 255))
        assert row[f"pixels_{name}"] == (flat.argmax(0) == index).sum()
        assert row[f"expected_pixels_{name}"] == pytest.approx(flat[index].sum(), abs=1e-3)
    assert not [column for column in row if "mm3" in column]
    assert not list(tmp_path.glob("**/*.nii.gz"))


def test_the_mask_may_be_of_other_probabilities(tmp_path: Path) -> None:
    """As of a vote: maps, entropy and expected sizes are of what is written, the mask and its size are the vote's."""
    shares = torch.nn.functional.one_hot(random_probabilities(3, 6, 4).argmin(0), 3).movedim(-1, 0).float()
    mean = random_probabilities(3, 6, 4)
    data = item(picture(tmp_path, (6, 4)), shares) | {"mean": mean}
    row = SaveProbabilitiesd("pred", str(tmp_path), written_key="mean")(data)["summary"]
    mask = np.asarray(Image.open(tmp_path / "a/b_mask.png")).T
    np.testing.assert_array_equal(mask, shares.argmax(0))
    assert (mask != mean.argmax(0).numpy()).any(), "the two disagree"
    entropy = np.asarray(Image.open(tmp_path / "a/b_entropy.png")).T
    np.testing.assert_array_equal(entropy, np.rint(relative_entropy(mean).numpy() * 255))
    assert row["mean_entropy"] == pytest.approx(float(relative_entropy(mean).mean()), abs=1e-6)
    for index in (1, 2):
        written = np.asarray(Image.open(tmp_path / f"a/b_probability_{index}.png")).T
        np.testing.assert_array_equal(written, np.rint(mean[index].numpy() * 255))
        assert row[f"pixels_{index}"] == (mask == index).sum()
        assert row[f"expected_pixels_{index}"] == pytest.approx(float(mean[index].sum()), abs=1e-3)


def test_binary_png_is_black_and_white(tmp_path: Path) -> None:
    SaveProbabilitiesd("pred", str(tmp_path))(item(picture(tmp_path, (6, 4)), random_probabilities(2, 6, 4)))
    assert set(np.unique(np.asarray(Image.open(tmp_path / "a/b_mask.png")))) == {0, 255}


def test_only_the_mask(tmp_path: Path) -> None:
    save = SaveProbabilitiesd("pred", str(tmp_path / "out"), save_probabilities=False, save_entropy=False)
    save(item(nifti(tmp_path, (3, 3, 3)), random_probabilities(2, 3, 3, 3)))
    assert [path.name for path in (tmp_path / "out/a").iterdir()] == ["b_mask.nii.gz"]


@pytest.mark.parametrize(("classes", "names"), [(1, None), (3, ["one"]), (2, ["one", "two"])])
def test_exceptions(classes: int, names: list[str] | None, tmp_path: Path) -> None:
    save = SaveProbabilitiesd("pred", str(tmp_path), class_names=names)
    with pytest.raises(InputError, match="class_names"):
        save(item(picture(tmp_path, (6, 4)), torch.full((classes, 6, 4), 1 / classes)))


def test_entropy_of_certain_and_uniform_pixels() -> None:
    uniform, certain = torch.full((5, 2), 0.2), torch.eye(5)[:, :2]
    torch.testing.assert_close(relative_entropy(uniform), torch.ones(2))
    torch.testing.assert_close(relative_entropy(certain), torch.zeros(2))
