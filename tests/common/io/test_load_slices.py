"""Slices of volumes: the ones with foreground, read once per volume, in the geometry of their plane."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import CacheDataset
from monai.transforms import Compose, NormalizeIntensity

from common.datasets import hippocampus_slice_datalist
from common.datasets.volume_slices import draw_items, slice_items
from common.errors import InputError
from common.io import LoadAnnotatorsd, LoadSliced
from common.transforms import SimulateAnnotatorsd

AFFINE = np.array([[0, -2, 0, 5], [1.5, 0, 0, -7], [0, 0, 4, 1], [0, 0, 0, 1.0]])


def write(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)
    return str(path)


@pytest.fixture
def volumes(tmp_path: Path) -> dict[str, str]:
    random = np.random.default_rng(0)
    label = np.zeros((4, 5, 6), np.uint8)
    label[1:3, 2, 2:4] = 1
    label[3, 4, 5] = 1
    return {
        "image": write(tmp_path / "image.nii.gz", random.random((4, 5, 6)).astype(np.float32)),
        "other": write(tmp_path / "other.nii", random.random((4, 5, 6)).astype(np.float32)),
        "label": write(tmp_path / "label.nii.gz", label),
    }


@pytest.mark.parametrize(("axis", "expected"), [(0, [1, 2, 3]), (1, [2, 4]), (2, [2, 3, 5])])
def test_slices_with_foreground(volumes: dict[str, str], axis: int, expected: list[int]):
    items = slice_items({"case": "a", **volumes}, [volumes["label"]], slice_axis=axis)
    assert [item["slice"] for item in items] == expected
    assert items[0]["case"] == f"a_{expected[0]:03d}" and items[0]["volume"] == "a"
    every = slice_items({"case": "a"}, [volumes["label"]], "all", axis)
    assert [item["slice"] for item in every] == list(range((4, 5, 6)[axis]))


def test_foreground_of_any_of_several_labels(tmp_path: Path, volumes: dict[str, str]):
    first = np.zeros((4, 5, 6), np.uint8)
    first[0, 0, 0] = 1
    other = write(tmp_path / "first.nii", first)
    assert [item["slice"] for item in slice_items({"case": "a"}, [volumes["label"], other])] == [0, 2, 3, 5]
    assert slice_items({"case": "a"}, [write(tmp_path / "empty.nii", 0 * first)]) == []


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_slice_of_each_file_in_the_geometry_of_its_plane(volumes: dict[str, str], axis: int):
    item = {"image": [volumes["image"], volumes["other"]], "label": volumes["label"], "slice": 3, "case": "a_003"}
    loaded = LoadSliced(["image", "label"], slice_axis=axis)(item)
    for channel, key in enumerate(("image", "other")):
        expected = np.take(np.asarray(nib.load(volumes[key]).dataobj), 3, axis)
        np.testing.assert_array_equal(np.asarray(loaded["image"][channel]), expected)
    expected = np.take(np.asarray(nib.load(volumes["label"]).dataobj), 3, axis)
    np.testing.assert_array_equal(np.asarray(loaded["label"][0]), expected)
    voxel = np.insert([1, 2], axis, 3)
    np.testing.assert_allclose(loaded["label"].affine.numpy() @ [1, 2, 0, 1], AFFINE @ [*voxel, 1])
    assert loaded["image"].shape[0] == 2 and loaded["image"].dtype == torch.float32
    assert loaded["slice"] == 3 and loaded["case"] == "a_003"


def test_every_volume_is_read_once_for_its_slices(volumes: dict[str, str], monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    load = nib.Nifti1Image.from_filename
    items = [
        item
        for case in ("a", "b")
        for item in slice_items(
            {
                "case": case,
                "image": volumes["image" if case == "a" else "other"],
                "annotators": {"AR": volumes["label"]},
            },
            [volumes["label"]],
        )
    ]
    monkeypatch.setattr(nib, "load", lambda path, **options: read.append(str(path)) or load(path))
    steps = Compose([LoadSliced("image"), LoadAnnotatorsd("annotators", ["AR", "HS"])])
    cached = CacheDataset(items, steps, num_workers=1, progress=False)
    assert len(cached) == 6
    assert sorted(read) == sorted(volumes.values())
    for item, given in zip(cached, items, strict=True):
        label = np.asarray(nib.Nifti1Image.from_filename(volumes["label"]).dataobj)[..., given["slice"]]
        np.testing.assert_array_equal(np.asarray(item["annotators"][0]), label)
        assert (item["annotators"][1] == -1).all()


def test_threads_that_share_a_loader_do_not_mix_volumes(volumes: dict[str, str]):
    items = [{"image": volumes[name], "slice": index} for index in range(6) for name in ("image", "other")]
    cached = CacheDataset(items, LoadSliced("image"), num_workers=4, progress=False)
    for item, given in zip(cached, items, strict=True):
        expected = np.asarray(nib.Nifti1Image.from_filename(given["image"]).dataobj)[..., given["slice"]]
        np.testing.assert_array_equal(np.asarray(item["image"][0]), expected)


def test_whole_volumes_are_normalized_file_by_file(volumes: dict[str, str]):
    item = {"image": [volumes["image"], volumes["other"]], "label": volumes["label"], "case": "a"}
    load = LoadSliced(["image", "label"], volume_transforms={"image": NormalizeIntensity()})
    loaded = [load({**item, "slice": index}) for index in range(6)]
    stack = torch.stack([found["image"].as_tensor() for found in loaded], -1)
    assert torch.allclose(stack.mean((1, 2, 3)), torch.zeros(2), atol=1e-5)
    assert torch.allclose(stack.std((1, 2, 3), unbiased=False), torch.ones(2), atol=1e-4)
    assert set(torch.cat([found["label"].flatten() for found in loaded]).unique().tolist()) == {0, 1}


def test_a_slice_may_be_changed(volumes: dict[str, str]):
    load = LoadSliced("image")
    item = {"image": volumes["image"], "slice": 0}
    before = load(item)["image"].clone()
    load(item)["image"].zero_()
    assert torch.equal(load(item)["image"], before) and before.any()


def test_mistakes_name_case_and_file(tmp_path: Path, volumes: dict[str, str]):
    flat = write(tmp_path / "flat.nii", np.zeros((4, 5), np.uint8))
    wide = write(tmp_path / "wide.nii", np.zeros((5, 5, 6), np.uint8))
    load = LoadSliced(["image", "label"], allow_missing_keys=True)
    for item, message in [
        ({"image": volumes["image"]}, "expected the index of a slice as 'slice'"),
        ({"image": volumes["image"], "slice": 6}, r"image\.nii\.gz: expected a slice from 0 to 5, got 6"),
        ({"image": volumes["image"], "slice": -1}, "expected a slice from 0 to 5, got -1"),
        ({"image": flat, "slice": 0}, r"flat\.nii: expected a volume"),
        ({"image": volumes["image"], "label": wide, "slice": 0}, r"wide\.nii and .*image\.nii\.gz: .* one shape"),
    ]:
        with pytest.raises(InputError, match=f"^Case a: .*{message}"):
            load({"case": "a", **item})
    (tmp_path / "damaged.nii").write_bytes(b"no image")
    for labels, message in [
        ([flat], r"flat\.nii: expected volumes of one shape"),
        ([volumes["label"], wide], r"wide\.nii: expected volumes of one shape"),
        ([tmp_path / "damaged.nii"], r"damaged\.nii cannot be read"),
        ([tmp_path / "missing.nii"], r"missing\.nii cannot be read"),
    ]:
        with pytest.raises(InputError, match=message):
            slice_items({"case": "a"}, labels)
    for arguments in ({"slices": "some"}, {"slice_axis": 3}):
        with pytest.raises(InputError, match="slices must be 'foreground' or 'all'"):
            slice_items({"case": "a"}, [flat], **arguments)
    with pytest.raises(InputError, match="slice_axis"):
        LoadSliced("image", slice_axis=3)
    with pytest.raises(InputError, match=r"volume_transforms: .* got label"):
        LoadSliced("image", volume_transforms={"label": NormalizeIntensity()})


def test_so_many_items_are_drawn():
    items = [{"case": str(index)} for index in range(50)]
    drawn = draw_items(items, 20, 0, "training")
    assert len(drawn) == 20 and drawn == [item for item in items if item in drawn]
    assert drawn == draw_items(items, 20, 0, "training") != draw_items(items, 20, 1, "training")
    assert draw_items(items, None, 0, "test") == draw_items(items, 99, 0, "test") == items
    assert draw_items(items, 0, 0, "test") == []
    with pytest.raises(InputError, match="num_slices"):
        draw_items(items, -1, 0, "test")


def test_hippocampus_slices_with_simulated_annotators(tmp_path: Path):
    for number in range(10):
        label = np.zeros((8, 8, 6), np.uint8)
        label[2:6, 3:7, 1:5] = 1
        write(tmp_path / "imagesTr" / f"hippocampus_{number:03d}.nii.gz", label.astype(np.float32))
        write(tmp_path / "labelsTr" / f"hippocampus_{number:03d}.nii.gz", label)
    sections = {part: hippocampus_slice_datalist(tmp_path, part) for part in ("training", "validation", "test")}
    assert [len(items) for items in sections.values()] == [7 * 4, 1 * 4, 2 * 4]
    assert len({item["volume"] for items in sections.values() for item in items}) == 10
    assert len(hippocampus_slice_datalist(tmp_path, "training", num_slices=5)) == 5
    assert len(hippocampus_slice_datalist(tmp_path, "test", slices="all")) == 2 * 6
    kinds = {name: name for name in ("good", "over", "under", "wrong", "blank")}
    steps = Compose([LoadSliced(["image", "label"]), SimulateAnnotatorsd("label", kinds)])
    one = hippocampus_slice_datalist(tmp_path, "training", labels_per_image=1)
    seen = set()
    for item in one:
        labels = steps(item)["annotators"]
        present = [name for name, label in zip(kinds, labels, strict=True) if label.min() >= 0]
        assert labels.shape == (5, 8, 8) and present == item["annotators"]
        seen |= set(present)
    assert seen == set(kinds)
    thinned = hippocampus_slice_datalist(tmp_path, "test", labels_per_image=1)
    assert all(item["annotators"] == list(kinds) for item in thinned)
    with pytest.raises(InputError, match="annotators: expected a list"):
        hippocampus_slice_datalist(tmp_path, "test", annotators=[])
    with pytest.raises(InputError, match=r"expected labels by some of AR, got good"):
        SimulateAnnotatorsd("label", {"AR": "good"})({**LoadSliced("label")(one[0]), "annotators": ["good"]})


def test_real_hippocampus_slices(real_data: Path):
    items = hippocampus_slice_datalist(real_data / "hippocampus", "test", num_slices=12)
    load = LoadSliced(["image", "label"])
    for item in items:
        loaded = load(item)
        assert loaded["image"].shape == loaded["label"].shape
        assert loaded["image"].ndim == 3 and loaded["label"].any()
