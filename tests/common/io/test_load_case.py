"""Items of paths become tensors, or one sentence that names case and file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import Compose, Rotate90d
from PIL import Image

from common.datasets import read_dataset
from common.errors import InputError
from common.io import LoadCased, observe_label
from common.io.annotator_meanings import infer_annotator_meanings
from common.metrics import pairwise_dice


def volume(path: Path, values: np.ndarray, moved: float = 0.0) -> str:
    affine = np.eye(4)
    affine[0, 3] = moved
    nib.save(nib.Nifti1Image(values.astype(np.int16), affine), path)
    return str(path)


LABEL = np.resize([0, 1, 1], (4, 5, 6))
NAMES = ["AR", "HS", "SG"]
BINARY = {"values": {0: 0, 1: 1}}
FOUR = {"values": {0: 0, 1: 1, 2: 2, 3: 3}, "ignore": -1}


def load_inferred(files: Mapping[str, str]) -> torch.Tensor:
    """The labels of annotators, whose values mean what they look like."""
    meanings, _ = infer_annotator_meanings({name: [observe_label(path)] for name, path in files.items()})
    return LoadCased("annotators", meanings, annotators=list(files))({"annotators": files})["annotators"]


def test_image_label_and_annotators(tmp_path: Path):
    item = {
        "case": "a",
        "image": volume(tmp_path / "image.nii.gz", np.arange(120).reshape(4, 5, 6)),
        "label": volume(tmp_path / "label.nii.gz", LABEL, 0.005),
        "annotators": {"s": volume(tmp_path / "s.nii.gz", 255 * LABEL), "r": None},
    }
    masks = {"values": {"0": 0, "1": 1, "255": 1}}
    loaded = LoadCased(["image", "label", "annotators"], masks, channels=1, annotators=["r", "s"])(item)
    np.testing.assert_array_equal(loaded["label"][0].numpy(), LABEL)
    assert (loaded["annotators"][0] == -1).all()
    np.testing.assert_array_equal(loaded["annotators"][1].numpy(), LABEL)
    for change, message in (
        ({"label": volume(tmp_path / "moved.nii.gz", LABEL, 0.5)}, r"moved.nii.gz: its affine puts it up to 0.5 mm"),
        (
            {"label": volume(tmp_path / "seven.nii.gz", 7 * LABEL)},
            r"seven.nii.gz: expected the values .*, got 7",
        ),
        ({"annotators": {"t": item["label"]}}, "expected labels of at least one of r, s, got those of t"),
    ):
        with pytest.raises(InputError, match=f"^Case a: .*{message}"):
            LoadCased(["image", "label", "annotators"], masks, annotators=["r", "s"])({**item, **change})


def test_annotators_of_one_grid_whose_affines_differ_by_rounding(tmp_path: Path):
    files = {"r": volume(tmp_path / "r.nii.gz", LABEL), "s": volume(tmp_path / "s.nii.gz", LABEL, 0.005)}
    loaded = LoadCased("annotators", BINARY, annotators=["r", "s"])({"annotators": files})["annotators"]
    np.testing.assert_array_equal(loaded[1].numpy(), LABEL)


def test_jpeg_labels_and_light_palettes_of_annotators(tmp_path: Path):
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 1
    Image.fromarray(255 * mask).save(tmp_path / "r.jpg", quality=60)
    palette = Image.fromarray(mask)
    palette.putpalette([250, 250, 250, 0, 0, 0])
    palette.save(tmp_path / "s.png")
    files = {"r": str(tmp_path / "r.jpg"), "s": str(tmp_path / "s.png")}
    for annotator in load_inferred(files):
        np.testing.assert_array_equal(annotator.numpy(), mask.T)


def write(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> str:
    """A PNG whose pixel (x, y) is values[x, y], or a NIfTI file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(values.T.astype(np.uint8)).save(path)
    else:
        nib.save(nib.Nifti1Image(values.astype(np.int16), np.eye(4) if affine is None else affine), path)
    return str(path)


def draw(*shape: int, seed: int = 0, classes: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).integers(classes, size=shape)


def test_each_image_has_its_own_annotators(tmp_path: Path):
    labels = [draw(6, 5, seed=seed) for seed in range(3)]
    files = [write(tmp_path / f"{name}.png", 255 * label) for name, label in zip(NAMES, labels, strict=True)]
    load = LoadCased("annotators", {"values": {0: 0, 255: 1}}, annotators=NAMES)
    assert load.annotators == tuple(NAMES)
    every = load({"annotators": dict(zip(NAMES[::-1], files[::-1], strict=True))})["annotators"]
    assert isinstance(every, MetaTensor) and every.dtype == torch.float32
    assert torch.equal(every.as_tensor(), torch.from_numpy(np.stack(labels)).float())
    some = load({"annotators": {"SG": files[2], "HS": None}})["annotators"]
    assert torch.equal(some[2], every[2])
    assert (some[:2] == -1).all()


@pytest.mark.parametrize("shape", [(6, 5), (4, 5, 3), (4, 1, 3), (1, 2)])
def test_volumes_of_several_classes_keep_their_geometry(tmp_path: Path, shape: tuple[int, ...]):
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    labels = [draw(*shape, seed=seed, classes=4) for seed in range(2)]
    labels[1][0] = -1  # a row that this annotator left out
    files = {
        name: write(tmp_path / f"{name}.nii.gz", label, affine) for name, label in zip(NAMES, labels, strict=False)
    }
    loaded = LoadCased("annotators", FOUR, annotators=NAMES)({"annotators": files})["annotators"]
    assert torch.equal(loaded[:2].as_tensor(), torch.from_numpy(np.stack(labels)).float())
    np.testing.assert_allclose(loaded.affine, affine)


def test_batches_of_different_subsets(tmp_path: Path):
    items = []
    for index in range(4):
        files = {
            name: write(tmp_path / name / f"{index}.png", draw(6, 6, seed=index)) for name in NAMES[: 1 + index % 3]
        }
        image = write(tmp_path / f"{index}.png", draw(6, 6, seed=index, classes=255))
        items.append({"case": str(index), "image": image, "annotators": files})
    transform = Compose(
        [LoadCased(["image", "annotators"], BINARY, annotators=NAMES), Rotate90d(["image", "annotators"])]
    )
    batch = next(iter(DataLoader(Dataset(items, transform), batch_size=4, num_workers=1)))
    assert batch["annotators"].shape == (4, 3, 6, 6)
    present = (batch["annotators"] >= 0).flatten(2).any(2).tolist()
    assert present == [[True, False, False], [True, True, False], [True, True, True], [True, False, False]]
    rotated = torch.rot90(torch.from_numpy(draw(6, 6, seed=1)), 1, (0, 1)).float()
    assert torch.equal(batch["annotators"][1, 1].as_tensor(), rotated)
    assert decollate_batch(batch)[2]["annotators"].shape == (3, 6, 6)


@pytest.mark.parametrize("high", [1, 7, 255])
def test_masks_of_any_foreground_value(tmp_path: Path, high: int):
    label = draw(5, 5)
    file = write(tmp_path / "a.png", high * label)
    loaded = load_inferred({"AR": file})
    assert torch.equal(loaded[0].as_tensor(), torch.from_numpy(label).float())


def test_empty_and_full_masks(tmp_path: Path):
    files = {"AR": write(tmp_path / "a.png", np.zeros((4, 4))), "HS": write(tmp_path / "b.png", np.full((4, 4), 255))}
    loaded = load_inferred(files)
    assert loaded.flatten(1).unique(dim=1).tolist() == [[0.0], [1.0]]


def test_items_without_labels(tmp_path: Path):
    assert LoadCased("annotators", BINARY, annotators=NAMES, allow_missing_keys=True)({"case": "a"}) == {"case": "a"}
    with pytest.raises(KeyError):
        LoadCased("annotators", BINARY, annotators=NAMES)({"case": "a"})


def test_mistakes_name_case_and_file(tmp_path: Path):
    good, gray = write(tmp_path / "good.png", draw(4, 5)), write(tmp_path / "gray.png", draw(4, 5, classes=9))
    wide = write(tmp_path / "wide.png", draw(9, 5))
    color = tmp_path / "color.nii"
    nib.save(nib.Nifti1Image(np.zeros((4, 5, 1, 1, 2)), np.eye(4)), color)
    shifted = write(tmp_path / "shifted.nii", draw(4, 5), np.diag([1.0, 1.0, 1.0, 1.0]) + np.eye(4, k=3))
    volume = write(tmp_path / "volume.nii", draw(4, 5))
    load = LoadCased("annotators", BINARY, annotators=NAMES)
    for files, message in [
        ({}, "at least one of AR, HS, SG, got those of nobody"),
        ({"AR": None}, "got those of nobody"),
        ({"AR": good, "MK": good}, "got those of MK"),
        ([good], "label files by annotator"),
        ({"HS": gray}, r"gray\.png: expected the values 0, 1, got 2, 4, 5"),
        (
            {"HS": good, "SG": wide},
            r"wide\.png: of the first annotator's label, its shape is 9 × 5, that of the image 4 × 5",
        ),
        ({"HS": volume, "SG": shifted}, r"shifted\.nii: of the first annotator's label, its affine puts it up to 1 mm"),
        ({"AR": str(color)}, "color.nii: expected a label of one channel, got 2"),
    ]:
        with pytest.raises(InputError, match=f"^Case 12: .*{message}"):
            load({"case": "12", "annotators": files})
    with pytest.raises(InputError, match=r"good.png: its shape is 4 × 5, that of the image 5 × 5"):
        load({"image": torch.zeros(1, 5, 5), "annotators": {"AR": good}})
    with pytest.raises(InputError, match=r"gray\.png: expected the values -1, 0, 1, 2, 3, got 4"):
        LoadCased("annotators", FOUR, annotators=NAMES)({"annotators": {"AR": gray}})
    half = str(tmp_path / "half.nii")
    nib.save(nib.Nifti1Image(np.full((4, 5), 0.5, dtype=np.float32), np.eye(4)), half)
    with pytest.raises(InputError, match=r"expected whole numbers as class values, got 0\.5"):
        LoadCased("annotators", FOUR, annotators=NAMES)({"annotators": {"AR": half}})


def test_arguments_are_checked():
    names: Any
    for names in ("AR", []):
        with pytest.raises(InputError, match="annotators: expected a list of names"):
            LoadCased("annotators", BINARY, annotators=names)


def test_three_real_annotators_agree_as_published(real_data: Path):
    names = ["AR", "HS", "SG"]
    items = read_dataset(real_data / "oocytes", annotators=names).items
    items = tuple(item for item in items if item["section"] == "validation")
    assert len(items) == 5
    for item in items:
        labels = load_inferred(item["annotators"])
        assert labels.shape == (3, *LoadCased("image")(item)["image"].shape[1:])
        dice = pairwise_dice(labels)
        assert dice.min() > 0.85
        assert ((dice < 1).sum() == 6).item()
