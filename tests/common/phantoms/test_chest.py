"""The phantom: a data set in Shenzhen's layout whose task a threshold cannot solve, written whole or not at all."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.networks.nets import UNet
from PIL import Image
from scipy.ndimage import label

import common.phantoms.chest as module
from common.datasets import InferenceInputs, read_dataset, split_dataset
from common.errors import InputError
from common.phantoms import write_chest_phantom
from common.phantoms.chest_anatomy import draw_anatomy, render_chest
from common.phantoms.folder import MARKER


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "chest"
    assert write_chest_phantom(folder, num_cases=10, size=48) == str(folder)
    return folder


@pytest.fixture(scope="module")
def chests() -> tuple[np.ndarray, np.ndarray]:
    """Images and masks of 90 cases at 64×64."""
    drawn = [render_chest(draw_anatomy(0, index), 64, 64) for index in range(90)]
    return np.stack([image for image, _ in drawn]), np.stack([mask for _, mask in drawn])


def contents(folder: Path) -> dict[str, bytes]:
    """Of each file, unpacked: ISA-L once packed the same volume in other bytes of the same length."""

    def content(file: Path) -> bytes:
        return gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()

    return {str(file.relative_to(folder)): content(file) for file in sorted(folder.rglob("*")) if file.is_file()}


def dice(prediction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    axes = tuple(range(1, mask.ndim))
    return 2 * (prediction & mask).sum(axes) / (prediction.sum(axes) + mask.sum(axes))


def test_the_layout_is_shenzhens(phantom):
    found = read_dataset(phantom)
    assert found.layout == "shenzhen"
    assert found.cases == tuple(f"PHANTOM_{number:04d}_{(number + 1) % 2}" for number in range(1, 11))
    for item in found.items:
        image, mask = Image.open(item["image"]), Image.open(item["label"])
        assert (image.mode, image.size, mask.mode, mask.size) == ("L", (48, 48), "L", (48, 48))
        assert set(np.unique(np.asarray(mask))) == {0, 255}


def test_new_images_and_volumes_are_usable_inputs_with_a_truth_for_each(phantom):
    new, volumes = InferenceInputs(phantom / "new"), InferenceInputs(phantom / "volumes")
    assert (len(new), len(volumes)) == (3, 3)
    assert not new.failures + volumes.failures
    assert {Path(item["image"]).suffix for item in new.items} == {".png", ".jpg"}
    for item in new.items:
        assert Image.open(item["image"]).size == Image.open(phantom / "new_masks" / f"{item['case']}.png").size
    for item in volumes.items:
        volume, truth = (nib.load(phantom / name / f"{item['case']}.nii.gz") for name in ("volumes", "volumes_labels"))
        assert volume.shape == truth.shape
        np.testing.assert_allclose(volume.affine, truth.affine)
        assert np.unique(truth.get_fdata()).tolist() == [0, 1]


def test_volumes_are_stored_in_different_orientations_and_lie_alike_in_ras(phantom):
    stored = set()
    for path in sorted((phantom / "volumes_labels").iterdir()):
        image = nib.load(path)
        stored.add(nib.aff2axcodes(image.affine))
        turned = nib.as_closest_canonical(image)
        assert turned.shape == (48, 48, 5)
        np.testing.assert_allclose(np.linalg.norm(turned.affine[:3, :3], axis=0), module.SPACING_MM, rtol=1e-6)
        slices = turned.get_fdata()
        down = (slices.sum((0, 2)) * np.arange(48)).sum() / slices.sum()
        assert down < 26  # the lungs lie in the upper part of each slice, as they do in the images
        middle = slices[:, :, 2].sum()
        assert middle > slices[:, :, 0].sum() > 0
        assert middle > slices[:, :, 4].sum() > 0
    assert stored == {("R", "A", "S"), ("L", "P", "S"), ("S", "R", "A")}


def test_every_mask_is_two_lungs(chests):
    _, masks = chests
    for mask in masks:
        components, count = label(mask)
        sizes = np.sort(np.bincount(components.ravel())[1:])[::-1]
        assert count >= 2
        assert sizes[:2].sum() >= 0.99 * mask.sum()
        assert sizes[1] >= 0.25 * sizes[0]
    assert 0.15 < masks.mean() < 0.35


def test_images_use_the_gray_scale_and_differ(chests):
    images, _ = chests
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.std((1, 2)).min() > 0.08
    assert len({image.tobytes() for image in images}) == len(images)


def test_no_gray_value_and_no_gray_interval_solves_the_task(chests):
    images, masks = chests
    levels = np.linspace(0, 1, 33)
    best = np.zeros(len(images))
    for high in levels:
        for low in levels[levels < high]:
            best = np.maximum(best, dice((images > low) & (images < high), masks))
    assert best.mean() < 0.7  # even if the best interval of each image were known


def test_a_small_u_net_learns_it_in_seconds(chests):
    torch.manual_seed(0)
    images, masks = (torch.tensor(array, dtype=torch.float32)[:, None] for array in chests)
    images = (images - images.mean((2, 3), keepdim=True)) / images.std((2, 3), keepdim=True)
    network = UNet(2, 1, 1, (8, 16, 32, 64), (2, 2, 2), norm="instance")
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    loss = torch.nn.BCEWithLogitsLoss()
    for _ in range(12):
        for batch in torch.randperm(60).split(10):
            optimizer.zero_grad()
            loss(network(images[batch]), masks[batch]).backward()
            optimizer.step()
    with torch.no_grad():
        prediction = network.eval()(images[60:])[:, 0] > 0
    assert dice(prediction.numpy(), chests[1][60:]).mean() > 0.85


def test_a_case_depends_on_seed_and_number_alone():
    for size in (64, 64), (40, 72):
        one, other = (render_chest(draw_anatomy(3, 7), *size) for _ in range(2))
        np.testing.assert_array_equal(one[0], other[0])
        assert one[0].shape == one[1].shape == size[::-1]
    assert draw_anatomy(3, 7) != draw_anatomy(4, 7)
    assert draw_anatomy(3, 7).stratum == 1


def test_the_same_parameters_give_the_same_files(phantom, tmp_path):
    assert contents(Path(write_chest_phantom(tmp_path / "again", num_cases=10, size=48))) == contents(phantom)
    assert contents(Path(write_chest_phantom(tmp_path / "other", num_cases=10, size=48, seed=1))) != contents(phantom)


def test_a_whole_phantom_is_left_as_it_is(phantom, monkeypatch):
    monkeypatch.setattr(module, "render_chest", None)
    assert write_chest_phantom(phantom, num_cases=10, size=48) == str(phantom)


def test_an_interrupted_phantom_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("common.phantoms.chest.save_volume", interrupt)  # at the first volume, after the pictures
    with pytest.raises(KeyboardInterrupt):
        write_chest_phantom(tmp_path / "chest", num_cases=4, size=16)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    write_chest_phantom(tmp_path / "chest", num_cases=4, size=16)
    assert [path.name for path in tmp_path.iterdir()] == ["chest"]


def test_two_writers_at_the_same_time_both_get_the_whole_phantom(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: write_chest_phantom(tmp_path / "chest", num_cases=4, size=32), range(4)))
    assert set(folders) == {str(tmp_path / "chest")}
    assert [path.name for path in tmp_path.iterdir()] == ["chest"]
    assert len(list((tmp_path / "chest" / "images").iterdir())) == 4


def test_an_empty_folder_is_filled_and_another_content_is_kept(tmp_path):
    (tmp_path / "empty").mkdir()
    write_chest_phantom(tmp_path / "empty", num_cases=4, size=16)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        write_chest_phantom(tmp_path / "mine", num_cases=4, size=16)
    assert contents(tmp_path / "mine") == {"thesis.txt": b"precious"}
    (tmp_path / "file").write_text("precious")
    with pytest.raises(InputError, match="holds something else"):
        write_chest_phantom(tmp_path / "file", num_cases=4, size=16)


def test_a_phantom_of_other_parameters_is_refused_with_both(phantom):
    with pytest.raises(InputError, match=r"num_cases 10, size 48.*num_cases 10, size 64"):
        write_chest_phantom(phantom, num_cases=10, size=64)
    assert json.loads((phantom / MARKER).read_text())["size"] == 48


def test_the_smallest_phantom_has_both_sections(tmp_path):
    folder = write_chest_phantom(tmp_path / "chest", num_cases=4, size=16, num_volumes=1)
    split = split_dataset(read_dataset(folder), fractions=(0.7, 0.3, 0))
    assert (len(split.training), len(split.validation)) == (3, 1)


@pytest.mark.parametrize("wrong", [{"num_cases": 3}, {"size": 8}, {"num_volumes": 0}])
def test_wrong_arguments_are_refused(tmp_path, wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        write_chest_phantom(tmp_path / "chest", **wrong)
    assert list(tmp_path.iterdir()) == []
