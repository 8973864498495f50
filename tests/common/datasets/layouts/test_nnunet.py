"""Raw data sets of nnU-Net: channels, folds, labels that are classes or regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataset_files import reasons, short, touch, write_json

from common.datasets import read_dataset
from common.errors import InputError

NNUNET = {
    "channel_names": {"0": "T1", "1": "T2"},
    "labels": {"background": 0, "core": 1, "ignore": 2},
    "numTraining": 2,
    "file_ending": ".nrrd",
}


def nnunet(root: Path, **changes: Any) -> Path:
    write_json(root / "dataset.json", NNUNET | changes)
    touch(root, *(f"imagesTr/{case}_000{k}.nrrd" for case in "ab" for k in range(2)))
    return touch(root, "labelsTr/a.nrrd", "labelsTr/b.nrrd", "labelsTr/c.nrrd", "imagesTr/c_0000.nrrd")


def test_nnunet(tmp_path):
    nnunet(tmp_path)
    write_json(tmp_path / "splits_final.json", [{"train": ["a"], "val": ["b"]}])
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.cases, dataset.ignore_value) == ("nnunet", ("a", "b"), 2)
    assert dataset.channel_names == ("T1", "T2")
    assert dataset.class_names == {0: "background", 1: "core"}
    assert dataset.folds == ({"train": ["a"], "val": ["b"]},)
    assert short(dataset)["a"]["image"] == ["imagesTr/a_0000.nrrd", "imagesTr/a_0001.nrrd"]
    assert "no such file" in reasons(dataset)["imagesTr/c_0001.nrrd"]
    touch(tmp_path, "imagesTs/t_0000.nrrd", "imagesTs/t_0001.nrrd", "labelsTs/t.nrrd")
    assert [item["section"] for item in read_dataset(tmp_path).items] == ["training", "training", "test"]


def test_color_pictures_of_nnunet_are_one_file_and_a_list_of_one_value_is_no_region(tmp_path):
    """As its Dataset120_RoadSegmentation, and labels of a region-based data set without overlaps."""
    names = {"channel_names": {"0": "R", "1": "G", "2": "B"}, "file_ending": ".png"}
    write_json(tmp_path / "dataset.json", NNUNET | names | {"labels": {"background": [0], "road": [1], "ignore": [2]}})
    touch(tmp_path, *(f"imagesTr/{case}_0000.png" for case in "abc"), "labelsTr/a.png", "labelsTr/b.png")
    dataset = read_dataset(tmp_path)
    assert short(dataset)["a"]["image"] == "imagesTr/a_0000.png" and dataset.cases == ("a", "b")
    assert dataset.class_names == {0: "background", 1: "road"} and dataset.ignore_value == 2
    assert "no label" in reasons(dataset)["imagesTr/c_0000.png"]


def test_where_every_case_lacks_a_channel_the_first_is_named(tmp_path):
    nnunet(tmp_path)
    for case in "ab":
        (tmp_path / f"imagesTr/{case}_0000.nrrd").unlink()
    with pytest.raises(InputError, match=r"holds no labeled case.*the first by .*a_0000.nrrd: there is no such file"):
        read_dataset(tmp_path)


def test_regions_of_nnunet_become_the_classes_of_their_values(tmp_path):
    """A value is of the smallest region that holds it, as in the example of nnU-Net's page on region-based training."""
    labels = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing": [3], "ignore": 4}
    nnunet(tmp_path, labels=labels, regions_class_order=[1, 2, 3])
    dataset = read_dataset(tmp_path)
    assert dataset.class_names == {0: "background", 1: "whole tumor 1", 2: "tumor core 2", 3: "enhancing"}
    assert dataset.ignore_value == 4
    said = "The labels whole tumor, tumor core of dataset.json are regions, which overlap; the classes are the values"
    assert any(
        note.startswith(said) and "2 is tumor core 2, 3 is enhancing, 4 is ignore" in note for note in dataset.notes
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"background": 0, "whole": [1, 2], "core": "two"}, "expected labels as a whole number for each name"),
        ({"background": 0, "whole": [1, [2]]}, "expected labels as a whole number for each name"),
        ({"background": 0, "whole": []}, "expected labels as a whole number for each name"),
    ],
)
def test_regions_of_nnunet_that_are_no_numbers(tmp_path, labels, message):
    nnunet(tmp_path, labels=labels)
    with pytest.raises(InputError, match=message):
        read_dataset(tmp_path)


def test_folds_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    write_json(nnunet(tmp_path) / "splits_final.json", [{"train": "a", "val": "b"}])
    with pytest.raises(InputError, match=r"splits_final\.json must hold a list of .* \(a fold without lists\)"):
        read_dataset(tmp_path)
