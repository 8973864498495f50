"""Folders of annotators as a datalist, and what is wrong with them in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.datasets import annotator_datalist
from common.errors import ArgumentError, InputError
from common.io import LoadAnnotatorsd, load_images
from common.metrics import pairwise_dice


def touch(root: Path, *files: str) -> Path:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return root


def test_every_image_with_its_own_annotators(tmp_path: Path):
    touch(tmp_path, "images/b.png", "images/a.jpg", "images/.hidden.png", "AR/a.png", "AR/b.png", "HS/b.PNG")
    assert annotator_datalist(tmp_path, ["HS", "AR"]) == [
        {"image": f"{tmp_path}/images/a.jpg", "annotators": {"AR": f"{tmp_path}/AR/a.png"}, "case": "a"},
        {
            "image": f"{tmp_path}/images/b.png",
            "annotators": {"HS": f"{tmp_path}/HS/b.PNG", "AR": f"{tmp_path}/AR/b.png"},
            "case": "b",
        },
    ]


def test_nifti_images_and_a_truth(tmp_path: Path):
    touch(tmp_path, "scans/a.nii.gz", "scans/b.nii", "AR/a.nii", "AR/b.nii.gz", "truth/a.nii.gz", "truth/b.nii.gz")
    items = annotator_datalist(tmp_path, ["AR"], images="scans", truth="truth")
    assert [item["case"] for item in items] == ["a", "b"]
    assert [Path(item["label"]).name for item in items] == ["a.nii.gz", "b.nii.gz"]
    assert [Path(item["annotators"]["AR"]).name for item in items] == ["a.nii", "b.nii.gz"]


def test_labels_per_image_are_drawn_from_case_and_seed(tmp_path: Path):
    names = ["AR", "HS", "SG"]
    touch(tmp_path, *(f"{folder}/{case:02}.png" for folder in ("images", *names) for case in range(30)))
    every = annotator_datalist(tmp_path, names)
    one = annotator_datalist(tmp_path, names, labels_per_image=1)
    assert all(len(item["annotators"]) == 1 for item in one)
    pairs = zip(one, every, strict=True)
    assert all(item["annotators"].items() <= complete["annotators"].items() for item, complete in pairs)
    assert {name for item in one for name in item["annotators"]} == set(names)
    assert annotator_datalist(tmp_path, names, labels_per_image=1) == one
    assert annotator_datalist(tmp_path, names, labels_per_image=1, seed=1) != one
    assert annotator_datalist(tmp_path, names, labels_per_image=3) == every
    (tmp_path / "images/00.png").unlink()
    for name in names:
        (tmp_path / f"{name}/00.png").unlink()
    assert annotator_datalist(tmp_path, names, labels_per_image=1) == one[1:]


def test_mistakes_are_named(tmp_path: Path):
    with pytest.raises(InputError, match="must hold the folders images, AR, HS, but there is no images, AR, HS"):
        annotator_datalist(tmp_path, ["AR", "HS"])
    touch(tmp_path, "images/a.png", "images/b.png", "AR/a.png", "AR/c.png", "truth/a.png")
    with pytest.raises(InputError, match=r"images that nobody labeled: 1 \(b\); labels without an image: 1 \(c\)"):
        annotator_datalist(tmp_path, ["AR"])
    with pytest.raises(InputError, match=r"images without a truth: 1 \(b\)"):
        annotator_datalist(tmp_path, ["AR"], truth="truth")
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="it holds none"):
        annotator_datalist(tmp_path, ["none"], images="none")
    for names in ("AR", []):
        with pytest.raises(InputError, match="annotators: expected a list"):
            annotator_datalist(tmp_path, names)
    touch(tmp_path, "AR/b.png", "images/c.png")
    with pytest.raises(ArgumentError, match="at least one label per image"):
        annotator_datalist(tmp_path, ["AR"], labels_per_image=0)


def test_three_real_annotators_agree_as_published(real_data: Path):
    names = ["AR", "HS", "SG"]
    items = annotator_datalist(real_data / "oocytes" / "validate", names)
    assert len(items) == 5
    load = LoadAnnotatorsd("annotators", names)
    for item in items:
        image = load_images("image")(item)
        labels = load(image)["annotators"]
        assert labels.shape == (3, *image["image"].shape[1:])
        dice = pairwise_dice(labels)
        assert dice.min() > 0.85
        assert ((dice < 1).sum() == 6).item()


def test_sections_are_folders_or_a_split(tmp_path: Path):
    names = ["AR", "HS"]
    cases = {"train": "abcdef", "val": "gh", "test": "ij"}
    touch(
        tmp_path,
        *(f"{part}/{folder}/{case}.png" for part in cases for folder in ("images", *names) for case in cases[part]),
        *(f"one/{folder}/{case}.png" for folder in ("images", *names) for case in "abcdefghij"),
    )
    for part, section in (("train", "training"), ("val", "validation"), ("test", "test")):
        items = annotator_datalist(tmp_path, names, section=section)
        assert items == annotator_datalist(tmp_path / part, names)
        thinned = annotator_datalist(tmp_path, names, section=section, labels_per_image=1)
        assert {len(item["annotators"]) for item in thinned} == ({1} if section == "training" else {2})
    sections = ("training", "validation", "test")
    split = [annotator_datalist(tmp_path / "one", names, section) for section in sections]
    assert [len(items) for items in split] == [7, 1, 2]
    assert sorted(item["case"] for items in split for item in items) == list("abcdefghij")
    assert split != [annotator_datalist(tmp_path / "one", names, section, seed=1) for section in sections]
    assert len(annotator_datalist(tmp_path / "one", names, "test", fractions=(0.5, 0.0, 0.5))) == 5
    with pytest.raises(InputError, match="section must be"):
        annotator_datalist(tmp_path, names, "train")
    with pytest.raises(InputError, match="three shares that sum to 1"):
        annotator_datalist(tmp_path / "one", names, "test", fractions=(0.5, 0.5, 0.5))


def test_a_section_without_its_folder_is_named(tmp_path: Path):
    touch(tmp_path, "train/images/a.png", "train/AR/a.png")
    with pytest.raises(InputError, match="holds train, but the section validation needs validate or val"):
        annotator_datalist(tmp_path, ["AR"], "validation")
