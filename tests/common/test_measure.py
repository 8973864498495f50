"""Masks against labels in the geometry of the files: values by hand, sections, and input that does not fit."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.datasets import read_dataset
from common.datasets.plan import example_plan
from common.errors import InputError
from common.io import LabelMeaning
from common.measure import measure, measure_case
from common.workflow import plan_of

NAMES = ("background", "edema", "tumor")


def write_plan(folder: Path, **values: object) -> Path:
    folder.mkdir()
    (folder / "plan.json").write_text(replace(example_plan(), **values).to_json(), encoding="utf-8")
    return folder


def write_picture(path: Path, rows: list[list[int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(rows, np.uint8)).save(path)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Cases a, b and c with an object of 0, 2 and 4 pixels, and masks of 0, 1 and 4."""
    for case, label, mask in (("a", 0, 0), ("b", 2, 1), ("c", 4, 4)):
        for folder, count in (("images", 4), ("masks", label), ("found", mask)):
            ending = "_mask" if folder == "found" else ""
            write_picture(tmp_path / f"{folder}/{case}{ending}.png", [[255] * count + [0] * (4 - count), [0] * 4])
    (tmp_path / "data").mkdir()
    for folder in ("images", "masks"):
        (tmp_path / folder).rename(tmp_path / "data" / folder)
    write_plan(tmp_path / "models")
    return tmp_path


def measured(root: Path, **options: object) -> tuple[str, dict[str, dict[str, str]]]:
    table = measure(str(root / "found"), str(root / "data"), str(root / "models"), **options)
    with (root / "found/measures.csv").open(encoding="utf-8", newline="") as file:
        return table, {row["case"]: row for row in csv.DictReader(file)}


def test_pictures_by_hand(pictures: Path) -> None:
    """2 · 1 / (1 + 2), a pixel off (the 95th percentile of 0 and 1); what neither has is not measured."""
    table, rows = measured(pictures)
    assert [rows[case]["dice_foreground"] for case in "abc"] == ["", "0.6667", "1.0"]
    assert [rows[case]["hd95_foreground"] for case in "abc"] == ["", "0.95", "0.0"]
    assert "| new | foreground | 2 | 0.833 | 0.47 |" in table and "HD95 (pixels)" in table


def test_cases_of_the_training_stand_apart(pictures: Path) -> None:
    split = {"training": ["a", "b"], "validation": [], "test": ["c"]}
    (pictures / "models/split.json").write_text(json.dumps(split), encoding="utf-8")
    table, rows = measured(pictures)
    assert [rows[case]["section"] for case in "abc"] == ["training", "training", "test"]
    assert (
        "| training | foreground | 1 | 0.667 | 0.95 |" in table and "| test | foreground | 1 | 1.000 | 0.00 |" in table
    )
    table, rows = measured(pictures, new_cases=True)
    assert {row["section"] for row in rows.values()} == {"new"} and "training" not in table


def test_two_networks_are_compared_case_by_case(pictures: Path) -> None:
    """Dice 2/3 and 1 against 1 and 0: the differences are −1/3 and 1."""
    for case, count in (("a", 0), ("b", 2)):
        write_picture(pictures / f"other/{case}_mask.png", [[255] * count + [0] * (4 - count), [0] * 4])
    write_picture(pictures / "other/c_mask.png", [[0] * 4, [255] * 4])
    table, rows = measured(pictures, compare_with=str(pictures / "other"))
    assert [rows[case]["compared_dice_foreground"] for case in "abc"] == ["", "1.0", "0.0"]
    assert rows["b"]["dice_foreground"] == "0.6667", "the first network's own measures stay"
    assert "| class | cases | Dice, difference | p | HD95, difference (pixels) | p |" in table
    line = table.splitlines()[-1]
    assert line.startswith("| foreground | 2 | +0.333 [-0.333, +1.000] | 1 | ")  # every swap is as extreme

    (pictures / "models/split.json").write_text(
        json.dumps({"training": ["a", "b"], "validation": [], "test": ["c"]}), encoding="utf-8"
    )
    table, _ = measured(pictures, compare_with=str(pictures / "other"))
    assert table.splitlines()[-1] == "| foreground | 1 | – | – | – | – |", "one case says nothing"
    (pictures / "other/b_mask.png").unlink()
    with pytest.raises(InputError, match=r"compare_with: expected masks of the same cases in .*other, got none of b\."):
        measured(pictures, compare_with=str(pictures / "other"))
    with pytest.raises(InputError, match="compare_with: expected a folder of masks, got "):
        measured(pictures, compare_with=str(pictures / "nothing"))


def test_of_several_trainings_a_case_that_one_learned_from_is_one_of_training(pictures: Path) -> None:
    for name, training in (("one", "b"), ("two", "c")):
        folder = write_plan(pictures / name)
        (folder / "model.pt").touch()
        split = {"training": [training], "validation": sorted(set("bc") - {training}), "test": ["a"]}
        (folder / "split.json").write_text(json.dumps(split), encoding="utf-8")
    both = f"{pictures / 'one'},{pictures / 'two'}"
    measure(str(pictures / "found"), str(pictures / "data"), both)
    text = (pictures / "found/measures.csv").read_text(encoding="utf-8")
    assert "b,training" in text and "c,training" in text and "a,test" in text


def test_volumes_are_measured_on_the_grid_of_their_files(tmp_path: Path) -> None:
    """A slice of 5 mm too far, whatever grid the plan has; the mask is of another format."""
    affine = np.diag([1, 1, 5, 1])
    label = np.zeros((6, 6, 4), np.uint8)
    label[1:5, 1:5, 1:3] = 7
    label[0, 0, 0] = 9  # of which nothing is known
    mask = (np.roll(label == 7, 1, axis=2)).astype(np.uint8) * 2
    mask[0, 0, 0] = 1
    for folder, array, kind in (("images", label, ".nii.gz"), ("labels", label, ".nii.gz"), ("found", mask, ".mgz")):
        target = tmp_path / ("found" if folder == "found" else f"data/{folder}")
        target.mkdir(parents=True)
        make = nib.MGHImage if kind == ".mgz" else nib.Nifti1Image
        nib.save(make(array.astype(np.float32) if folder == "images" else array, affine), target / f"x{kind}")
    meaning = {"": LabelMeaning(values={0: 0, 3: 1, 7: 2}, ignore=9).to_json()}
    volumes = {"spatial_dims": 3, "image_dims": 3, "class_names": NAMES, "labels": meaning, "image_size": None}
    write_plan(tmp_path / "models", **volumes, spacing=(3.0, 3.0, 5.0), patch_size=(4, 4, 4), orientation="RAS")
    table, rows = measured(tmp_path)
    assert "HD95 (mm)" in table
    assert (rows["x"]["dice_tumor"], rows["x"]["hd95_tumor"]) == ("0.5", "5.0")
    assert (rows["x"]["dice_edema"], rows["x"]["hd95_edema"]) == ("", "")  # where it was found nobody labeled


def test_images_of_two_axes_have_a_voxel_size_too(tmp_path: Path) -> None:
    label = np.zeros((6, 6), np.uint8)
    label[1:3] = 1
    for folder, array in (("data/images", label), ("data/labels", label), ("found", np.roll(label, 1, axis=0))):
        (tmp_path / folder).mkdir(parents=True)
        kind = np.float32 if folder == "data/images" else np.uint8
        nib.save(nib.Nifti1Image(255 * array.astype(kind), np.diag([0.5, 0.5, 1, 1])), tmp_path / folder / "x.nii.gz")
    write_plan(tmp_path / "models")
    table, rows = measured(tmp_path)
    assert rows["x"]["hd95_foreground"] == "0.5" and "HD95 (mm)" in table


def test_the_masks_of_another_organ_are_not_measured(tmp_path: Path) -> None:
    """The network has learned aorta; without a word of it the layout reads kidney_right."""
    organs = {"aorta": np.zeros((4, 4, 4), np.uint8), "kidney_right": np.zeros((4, 4, 4), np.uint8)}
    organs["aorta"][1], organs["kidney_right"][3] = 1, 1
    (tmp_path / "data/s0001/segmentations").mkdir(parents=True)
    (tmp_path / "found").mkdir()
    files = {"data/s0001/ct.nii.gz": organs["aorta"].astype(np.float32), "found/s0001_mask.nii.gz": organs["aorta"]}
    files |= {f"data/s0001/segmentations/{organ}.nii.gz": mask for organ, mask in organs.items()}
    for name, array in files.items():
        nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / name)
    volumes = {"spatial_dims": 3, "image_dims": 3, "image_size": None, "spacing": (1.0, 1.0, 1.0)}
    meaning = {"": LabelMeaning(values={0: 0, 1: 1}).to_json()}
    names = ("background", "aorta")
    write_plan(tmp_path / "models", **volumes, class_names=names, labels=meaning, orientation="RAS")
    with pytest.raises(InputError, match=r"^organ: the network segments aorta, got the masks of kidney_right; give"):
        measured(tmp_path)
    with pytest.raises(InputError, match=r"^organ: the network segments aorta"):
        plan_of(read_dataset(tmp_path / "data"), [], tmp_path / "models", trained=True)
    assert measured(tmp_path, organ="aorta")[1]["s0001"]["dice_aorta"] == "1.0"


def test_one_label_that_was_learned_as_that_of_an_annotator(pictures: Path) -> None:
    """As disentangling_annotators does where a data set has one label for each case."""
    _, wanted = measured(pictures)
    labels = {"label": example_plan().labels[""]}
    (pictures / "models/plan.json").write_text(
        replace(example_plan(), annotators=("label",), labels=labels).to_json(), encoding="utf-8"
    )
    assert measured(pictures)[1] == wanted


def test_annotators_whom_the_training_left_out_do_not_count(pictures: Path) -> None:
    """Without a word of it they would have been refused, or have had a vote in the majority."""
    (pictures / "data/masks").rename(pictures / "data/AR")
    for case in "abc":
        write_picture(pictures / f"data/XX/{case}.png", [[0] * 4, [255] * 4])
    labels = {"AR": LabelMeaning(values={0: 0, 255: 1}).to_json()}
    (pictures / "models/plan.json").write_text(
        replace(example_plan(), annotators=("AR",), labels=labels).to_json(), encoding="utf-8"
    )
    assert [measured(pictures)[1][case]["dice_foreground"] for case in "abc"] == ["", "0.6667", "1.0"]


def test_a_network_of_one_label_is_measured_with_the_majority_of_annotators(tmp_path: Path) -> None:
    """Three of four pixels by two of three; a ground truth goes before."""
    for name, count in (("anna", 3), ("ben", 3), ("cleo", 1)):
        write_picture(tmp_path / f"data/labels/a_{name}.png", [[255] * count + [0] * (4 - count)])
    write_picture(tmp_path / "data/images/a.png", [[9, 5, 7, 3]])
    write_picture(tmp_path / "found/a_mask.png", [[1, 1, 1, 0]])
    write_plan(tmp_path / "models")
    table, rows = measured(tmp_path)
    assert rows["a"]["dice_foreground"] == "1.0"
    assert table.startswith("Label of 1 case of 1: the majority of anna, ben, cleo.\n\n| cases of")
    table, rows = measured(tmp_path, truth="cleo")
    assert rows["a"]["dice_foreground"] == "0.5" and table.startswith("| cases of")
    plan = plan_of(read_dataset(tmp_path / "data"), [], tmp_path / "models", trained=True)
    assert plan.annotators == ("anna", "ben", "cleo")


def test_a_network_of_annotators_is_measured_with_one_label(pictures: Path) -> None:
    """As evaluating does; their values mean the same, so the label is understood."""
    _, wanted = measured(pictures)
    one = example_plan().labels[""]
    plan = replace(example_plan(), annotators=("anna", "ben"), labels={"anna": one, "ben": one})
    (pictures / "models/plan.json").write_text(plan.to_json(), encoding="utf-8")
    assert measured(pictures)[1] == wanted


def test_masks_in_the_sub_folders_of_their_images(tmp_path: Path) -> None:
    """As inferring writes them for images in sections, BIDS or ACDC, whose cases have other names than their files."""
    for section in ("train", "test"):
        write_picture(tmp_path / f"data/{section}/images/a_{section}.png", [[9, 5, 7, 3]])
        write_picture(tmp_path / f"data/{section}/masks/a_{section}.png", [[255, 255, 0, 0]])
        write_picture(tmp_path / f"found/{section}/images/a_{section}_mask.png", [[255, 0, 0, 0]])
    write_plan(tmp_path / "models")
    rows = measured(tmp_path)[1]
    assert len(rows) == 2 and {row["dice_foreground"] for row in rows.values()} == {"0.6667"}


def test_masks_of_a_folder_of_images_of_the_data_set(pictures: Path) -> None:
    """As inferring with --dataset_dir DATA/imagesTs writes them for nnU-Net: after the file, which is not the case."""
    data = pictures / "data"
    content = {"channel_names": {"0": "x"}, "labels": {"background": 0, "foreground": 255}, "file_ending": ".png"}
    (data / "dataset.json").write_text(json.dumps({**content, "numTraining": 3}), encoding="utf-8")
    (data / "images").rename(data / "imagesTr")
    (data / "masks").rename(data / "labelsTr")
    for path in [*data.glob("imagesTr/*"), *pictures.glob("found/*")]:
        path.rename(path.with_name(f"{path.stem[0]}_0000{path.stem[1:]}.png"))
    assert [row["dice_foreground"] for row in measured(pictures)[1].values()] == ["", "0.6667", "1.0"]


def test_a_mask_with_the_name_of_several_images_is_of_none(tmp_path: Path) -> None:
    """Every image of TotalSegmentator is called ct."""
    volume = nib.Nifti1Image(np.full((2, 2, 2), 255, np.uint8), np.eye(4))
    for case in ("s0001", "s0002"):
        for name in ("ct", "segmentations/liver"):
            (tmp_path / f"data/{case}/segmentations").mkdir(parents=True, exist_ok=True)
            nib.save(volume, tmp_path / f"data/{case}/{name}.nii.gz")
    (tmp_path / "found").mkdir()
    nib.save(volume, tmp_path / "found/ct_mask.nii.gz")
    write_plan(tmp_path / "models", spatial_dims=3, image_dims=3)
    with pytest.raises(InputError, match="expected CASE_mask of labeled cases"):
        measured(tmp_path, organ="liver")
    (tmp_path / "found/ct_mask.nii.gz").rename(tmp_path / "found/s0001_mask.nii.gz")
    assert list(measured(tmp_path, organ="liver")[1]) == ["s0001"]


def test_what_the_label_leaves_out_where_the_training_knew_no_such_value(tmp_path: Path) -> None:
    write_picture(tmp_path / "data/images/a.png", [[9, 5, 7, 3]])
    write_picture(tmp_path / "data/masks/a.png", [[255, 7, 7, 0]])
    write_picture(tmp_path / "found/a_mask.png", [[255, 255, 0, 0]])
    write_plan(tmp_path / "models")
    with pytest.raises(InputError, match="got 7"):
        measured(tmp_path)
    assert measured(tmp_path, ignore_value=7)[1]["a"]["dice_foreground"] == "1.0"


def test_classes_that_are_said_go_before_those_of_the_data_set(tmp_path: Path) -> None:
    """The training was told by --class_values that dataset.json exchanges the classes."""
    write_picture(tmp_path / "data/a.png", [[9, 5, 7, 3]])
    write_picture(tmp_path / "data/a_label.png", [[1, 1, 2, 0]])
    write_picture(tmp_path / "found/a_mask.png", [[1, 1, 2, 0]])
    names = {"labels": {"0": "background", "1": "tumor", "2": "edema"}}
    lists = {"training": [{"case": "a", "image": "a.png", "label": "a_label.png"}]}
    (tmp_path / "data/list.json").write_text(json.dumps(names | lists), encoding="utf-8")
    meaning = {"": LabelMeaning(values={0: 0, 1: 1, 2: 2}).to_json()}
    write_plan(tmp_path / "models", class_names=NAMES, labels=meaning)
    with pytest.raises(InputError, match="label value 1 tumor, which is edema in the training"):
        measured(tmp_path)
    assert measured(tmp_path, class_values={"edema": 1, "tumor": 2})[1]["a"]["dice_tumor"] == "1.0"


def test_a_truth_by_one_whom_the_training_left_out(tmp_path: Path) -> None:
    for name, count in (("anna", 3), ("ben", 1), ("cleo", 1)):
        write_picture(tmp_path / f"data/labels/a_{name}.png", [[255] * count + [0] * (4 - count)])
    write_picture(tmp_path / "data/images/a.png", [[9, 5, 7, 3]])
    write_picture(tmp_path / "found/a_mask.png", [[1, 1, 1, 0]])
    write_plan(tmp_path / "models", annotators=("ben",), labels={"ben": example_plan().labels[""]})
    assert measured(tmp_path, truth="anna")[1]["a"]["dice_foreground"] == "1.0"


def test_with_the_labels_of_one_of_the_annotators(tmp_path: Path) -> None:
    """Of a network that was trained with the labels of all of them; a case that she did not label is left out."""
    rows = {"a": {"anna": 1, "ben": 3}, "b": {"anna": 4, "ben": 2}, "c": {"ben": 2}}
    for case, labels in rows.items():
        write_picture(tmp_path / f"data/images/{case}.png", [[9, 5, 7, 3]])
        write_picture(tmp_path / f"found/{case}_mask.png", [[1, 1, 0, 0]])
        for name, count in labels.items():
            write_picture(tmp_path / f"data/labels/{case}_{name}.png", [[1] * count + [0] * (4 - count)])
    one = LabelMeaning(values={0: 0, 1: 1}).to_json()
    write_plan(tmp_path / "models", annotators=("anna", "ben"), labels={"anna": one, "ben": one})
    _, found = measured(tmp_path, truth="anna")
    assert {case: row["dice_foreground"] for case, row in found.items()} == {"a": "0.6667", "b": "0.6667"}
    _, found = measured(tmp_path, annotators=["ben"])
    assert {case: row["dice_foreground"] for case, row in found.items()} == {"a": "0.8", "b": "1.0", "c": "1.0"}
    other = LabelMeaning(values={0: 0, 2: 1}).to_json()
    write_plan(tmp_path / "other", annotators=("anna", "ben"), labels={"anna": one, "ben": other})
    with pytest.raises(InputError, match="what the values of the label mean, got those of anna, ben"):
        measure(str(tmp_path / "found"), str(tmp_path / "data"), str(tmp_path / "other"), truth="anna")


def test_distances_are_in_millimeters() -> None:
    label = torch.zeros(1, 4, 4)
    label[0, 1] = 1
    mask = label.roll(1, 1)
    fine = MetaTensor(label, affine=torch.diag(torch.tensor([0.5, 2.0, 1.0])).double())
    assert measure_case(mask, label, ["background", "x"])["hd95_x"] == 1
    assert measure_case(MetaTensor(mask, affine=fine.affine), fine, ["background", "x"])["hd95_x"] == 0.5


def test_what_does_not_fit_is_named_and_the_rest_measured(pictures: Path) -> None:
    write_picture(pictures / "found/b_mask.png", [[0, 0, 0]])
    with pytest.raises(
        InputError, match=r"^1 of 3 cases could not be measured: b \(.*its shape is 3 × 1, that of the "
    ):
        measured(pictures)
    with (pictures / "found/measures.csv").open(encoding="utf-8", newline="") as file:
        assert [row["case"] for row in csv.DictReader(file)] == ["a", "c"]


def test_a_probability_map_is_no_mask(pictures: Path) -> None:
    """All of it above 0 would be the foreground."""
    (pictures / "found/b_mask.png").unlink()
    shares = np.linspace(0, 0.5, 8, dtype=np.float32).reshape(4, 2)
    nib.save(nib.Nifti1Image(shares, np.eye(4)), pictures / "found/b_mask.nii.gz")
    with pytest.raises(InputError, match=r"b_mask\.nii\.gz: expected a mask, whole numbers, got 0\.\d+ too"):
        measured(pictures)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_of_many_values_is_no_mask_of_two_classes(pictures: Path, suffix: str) -> None:
    (pictures / "found/b_mask.png").unlink()
    rows = [[255, 128, 3, 0], [0] * 4] if suffix == ".png" else [[255, 0] * 16] * 9 + [[0] * 32] * 9
    write_picture(pictures / f"found/b_mask{suffix}", rows)
    said = "got 3 and 255" if suffix == ".png" else "the compression of JPEG makes further ones"
    with pytest.raises(InputError, match=f"a mask of two classes, 0 and one other value, .*{said}"):
        measured(pictures)


def test_masks_of_other_classes_and_folders_without_any(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"numbers of 2 classes, 0 to 1, got 3 too"):
        measure_case(torch.tensor([[3.0]]), torch.tensor([[1.0]]), ["background", "x"])
    (pictures / "found/b_mask.png").unlink()  # with two classes −1, where nobody labeled, would be foreground
    nib.save(nib.Nifti1Image(np.array([[-1, 1]], np.int16), np.eye(4)), pictures / "found/b_mask.nii.gz")
    with pytest.raises(InputError, match=r"b_mask\.nii\.gz: expected a mask that says a class everywhere.* got -1 too"):
        measured(pictures)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"expected CASE_mask of labeled cases .* such as a_mask, got none"):
        measure(str(tmp_path / "empty"), str(pictures / "data"), str(pictures / "models"))
    with pytest.raises(InputError, match=r"masks: expected a folder of masks, got .*missing"):
        measure(str(tmp_path / "missing"), str(pictures / "data"), str(pictures / "models"))
