"""Images and labels in plain folders: which belong together, by names only; what is not read is named."""

from __future__ import annotations

import os
import unicodedata

import pytest
from dataset_files import reasons, short, touch

from common.datasets import read_dataset
from common.errors import InputError


@pytest.mark.parametrize("labels", ["labels", "masks", "label", "mask", "annotations", "Segmentations"])
@pytest.mark.parametrize("images", ["images", "image", "img", "imgs", "Images"])
@pytest.mark.parametrize("ending", ["", "_mask", "_label", "_seg", "_segmentation"])
def test_two_folders(tmp_path, images, labels, ending):
    touch(tmp_path, f"{images}/a.jpg", f"{images}/b_1.png", f"{labels}/a{ending}.png", f"{labels}/b_1{ending}.gif")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "plain"
    assert short(dataset) == {
        "a": {"subject": "a", "image": f"{images}/a.jpg", "label": f"{labels}/a{ending}.png"},
        "b_1": {"subject": "b_1", "image": f"{images}/b_1.png", "label": f"{labels}/b_1{ending}.gif"},
    }
    assert dataset.left_out == ()


@pytest.mark.parametrize("labels", ["labels", "truth", "anna"])
@pytest.mark.parametrize("more", ["imagesTs", "imagesTr", "img"])
def test_other_images_are_no_labels(tmp_path, labels, more):
    touch(tmp_path, "images/a.png", "images/b.png", f"{labels}/a.png", f"{labels}/b.png", f"{more}/a.png")
    dataset = read_dataset(tmp_path)
    assert dataset.cases == ("a", "b") and all(more not in str(item.get("annotators")) for item in dataset.items)
    assert reasons(dataset) == {f"{more}/a.png": "another folder holds the images that are read"}


def test_what_has_no_partner_or_place_is_named(tmp_path):
    touch(tmp_path, "images/a.png", "images/b.png", "labels/a.png", "labels/c.png", "README", "images/notes.txt")
    touch(tmp_path, "images/d.webp", "extra/x.png", "images/e.img", "images/f.mhd", "images/f.raw", "labels/f.mhd")
    touch(tmp_path, *(f"images/series/{index}.dcm" for index in range(12)), "images/.hidden.png")
    (tmp_path / "lost").symlink_to(tmp_path / "nowhere")
    (tmp_path / "images" / "loop").symlink_to(tmp_path / "images")
    dataset = read_dataset(tmp_path)
    assert dataset.cases == ("a", "f")
    found = reasons(dataset)
    assert found.pop("images/b.png") == "there is no label of its name"
    assert found.pop("labels/c.png") == "there is no image of its name"
    assert ".webp" in found.pop("images/d.webp")
    assert "layout" in found.pop("extra/x.png")
    assert ".hdr" in found.pop("images/e.img")
    assert found.pop("images/series").startswith("12 files: DICOM")
    assert "nowhere" in found.pop("lost")
    assert "leads back" in found.pop("images/loop")
    assert not found
    said = [note for note in dataset.notes if "left out" in note]
    assert len(said) == 8, "a sentence for each reason"
    assert "Files or folders that are left out: 1; the first is images/b.png: there is no label of its name." in said


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "images/a.png", "labels/a.png", "images/locked/b.png")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    assert "Permission denied" in reasons(read_dataset(tmp_path))["images/locked"]


def test_sections_are_folders(tmp_path):
    for section in ("train", "val", "test"):
        touch(tmp_path, f"{section}/images/1.png", f"{section}/masks/1.png")
    touch(tmp_path, "train/images/2.png", "train/masks/2.png")
    items = short(read_dataset(tmp_path))
    assert {case: item["section"] for case, item in items.items()} == {
        "train/1": "training",
        "train/2": "training",
        "val/1": "validation",
        "test/1": "test",
    }
    touch(tmp_path / "b", *(f"{kind}/{part}/{part}.png" for kind in ("images", "labels") for part in ("train", "test")))
    items = short(read_dataset(tmp_path / "b"))
    assert {case: item["section"] for case, item in items.items()} == {"train/train": "training", "test/test": "test"}


def test_annotators_as_folders(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "AR/a.png", "HS/a.png", "HS/b.tif", "notes/x.txt")
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("AR", "HS")
    assert short(dataset)["a"]["annotators"] == {"AR": "AR/a.png", "HS": "HS/a.png"}
    assert short(dataset)["b"]["annotators"] == {"HS": "HS/b.tif"}
    assert read_dataset(tmp_path, annotators=["HS"]).annotators == ("HS",)
    touch(tmp_path, "truth/a.png", "truth/b.png")
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("AR", "HS")
    assert short(dataset)["b"]["label"] == "truth/b.png"
    assert read_dataset(tmp_path, annotators=["AR"], truth="HS").items[1]["label"].endswith("HS/b.tif")


def test_volumes_in_a_folder_that_is_named_and_a_truth(tmp_path):
    touch(tmp_path, "scans/a.nii.gz", "scans/b.nii", "AR/a.nii", "AR/b.nii.gz", "truth/a.nii.gz", "truth/b.nii.gz")
    assert short(read_dataset(tmp_path, "plain", images="scans", annotators=["AR"], truth="truth")) == {
        case: {"subject": case, "image": f"scans/{case}{packed}", "label": label, "annotators": {"AR": drawn}}
        for case, packed, label, drawn in (
            ("a", ".nii.gz", "truth/a.nii.gz", "AR/a.nii"),
            ("b", ".nii", "truth/b.nii.gz", "AR/b.nii.gz"),
        )
    }


def test_annotators_in_folders_of_the_labels(tmp_path):
    touch(tmp_path, "images/a.jpg", "images/b.jpg", "masks/AR/a.png", "masks/HS/a.png", "masks/HS/b.png")
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("AR", "HS")
    assert short(dataset)["a"]["annotators"] == {"AR": "masks/AR/a.png", "HS": "masks/HS/a.png"}


@pytest.mark.parametrize("labels", ["", "labels/"])
def test_two_observers_by_name_ending_as_in_chase(tmp_path, labels):
    images = "images/" if labels else ""
    for name in ("Image_01L", "Image_01R", "Image_02L"):
        touch(tmp_path, f"{images}{name}.jpg", *(f"{labels}{name}_{end}.png" for end in ("1stHO", "2ndHO")))
    dataset = read_dataset(tmp_path, subject_pattern=r"Image_(\d+)")
    assert dataset.annotators == ("1stHO", "2ndHO")
    assert short(dataset)["Image_01L"] == {
        "subject": "01",
        "image": f"{images}Image_01L.jpg",
        "annotators": {end: f"{labels}Image_01L_{end}.png" for end in ("1stHO", "2ndHO")},
    }
    assert len(dataset.items) == 3
    assert dataset.left_out == ()
    chosen = read_dataset(tmp_path, annotators=["2ndHO"], truth="1stHO")
    assert short(chosen)["Image_02L"]["label"] == f"{labels}Image_02L_1stHO.png"
    assert short(chosen)["Image_02L"]["annotators"] == {"2ndHO": f"{labels}Image_02L_2ndHO.png"}


@pytest.mark.parametrize("place", ["labels/{}_{}.png", "{}_{}.png", "{1}/{0}.png"])
def test_one_annotator_is_the_truth_of_the_others(tmp_path, place):
    """Without the names of the others, and where some cases lack some of them."""
    images = "" if place.startswith("{}") else "images/"
    labeled = {"a": ("anna", "ben"), "b": ("anna", "ben", "cem"), "c": ("anna", "cem")}
    for case, names in labeled.items():
        touch(tmp_path, f"{images}{case}.jpg", *(place.format(case, name) for name in names))
    dataset = read_dataset(tmp_path, layout="plain", truth="anna")
    assert dataset.annotators == ("ben", "cem")
    for case, names in labeled.items():
        item = short(dataset)[case]
        assert item["label"] == place.format(case, "anna")
        assert item["annotators"] == {name: place.format(case, name) for name in names[1:]}
    with pytest.raises(InputError, match=r"name of a ground truth, got dora, of which .* label NAME_dora\.$"):
        read_dataset(tmp_path, layout="plain", truth="dora")
    if images:
        with pytest.raises(InputError, match=r"who labeled a case, got dora; labels are by anna, ben, cem\.$"):
            read_dataset(tmp_path, layout="plain", annotators=["dora"])


def test_gif_masks_and_fields_of_view_as_in_drive(tmp_path):
    for number in (21, 22):
        name = f"{number}_training"
        touch(tmp_path / "training", f"images/{name}.tif", f"1st_manual/{number}_manual1.gif", f"mask/{name}_mask.gif")
    touch(tmp_path / "test", "images/01_test.tif", "1st_manual/01_manual1.gif", "2nd_manual/01_manual2.gif")
    touch(tmp_path / "test", "mask/01_test_mask.gif")
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("1st_manual", "2nd_manual")
    assert short(dataset) == {
        "01_test": {
            "subject": "01_test",
            "section": "test",
            "image": "test/images/01_test.tif",
            "annotators": {
                "1st_manual": "test/1st_manual/01_manual1.gif",
                "2nd_manual": "test/2nd_manual/01_manual2.gif",
            },
        },
        **{
            f"{number}_training": {
                "subject": f"{number}_training",
                "section": "training",
                "image": f"training/images/{number}_training.tif",
                "annotators": {"1st_manual": f"training/1st_manual/{number}_manual1.gif"},
            }
            for number in (21, 22)
        },
    }
    assert all("field of view" in reason for reason in reasons(dataset).values())
    assert len(dataset.left_out) == 3


def test_side_by_side(tmp_path):
    touch(tmp_path, "p1/ct.nii.gz", "p1/ct_seg.nii.gz", "b.png", "b_mask.png", "c.png", "b_2.png")
    dataset = read_dataset(tmp_path)
    assert short(dataset)["p1/ct"]["label"] == "p1/ct_seg.nii.gz"
    assert short(dataset)["b"]["label"] == "b_mask.png"
    assert set(reasons(dataset)) == {"c.png", "b_2.png"}


def test_channels_of_plain_folders(tmp_path):
    touch(tmp_path, *(f"images/{case}_000{k}.png" for case in "ab" for k in range(2)), "labels/a.png", "labels/b.png")
    touch(tmp_path, "images/c_0000.png", "labels/c.png")
    dataset = read_dataset(tmp_path)
    assert short(dataset)["b"]["image"] == ["images/b_0000.png", "images/b_0001.png"]
    assert reasons(dataset)["images/c_0000.png"] == "c has 1 of 2 channels"
    assert dataset.cases == ("a", "b")


def test_two_files_of_one_case_are_refused(tmp_path):
    touch(tmp_path, "images/a.png", "images/a.jpg", "labels/a.png")
    with pytest.raises(InputError, match=r"two files of the case 'a', images/a.jpg and images/a.png"):
        read_dataset(tmp_path)


COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Röntgen_é") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("image", "label"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_with_accents_are_the_same_in_either_form(tmp_path, image, label):
    """macOS and some archives write a letter and its accent as two characters."""
    touch(tmp_path, f"images/{image}.png", f"labels/{label}.png")
    files = {"subject": COMPOSED, "image": f"images/{image}.png", "label": f"labels/{label}.png"}
    assert short(read_dataset(tmp_path)) == {COMPOSED: files}


def test_two_files_whose_names_differ_in_that_form_only_are_refused(tmp_path):
    touch(tmp_path, f"images/{COMPOSED}.png", f"images/{DECOMPOSED}.png", f"labels/{COMPOSED}.png")
    with pytest.raises(InputError, match=f"two files of the case '{COMPOSED}'"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("further", ["masks/a_mask_1.png", "masks/a_1.png", "masks/a_mask2.png", "a_mask_1.png"])
def test_a_second_mask_of_nobody_is_refused(further, tmp_path):
    """As BUSI has them for further lesions, in folders or beside the images: not an annotator, not to be left out."""
    images, masks = ("images/", "masks/") if "/" in further else ("", "")
    touch(tmp_path, *(f"{place}{case}.png" for case in "abc" for place in [images]))
    touch(tmp_path, *(f"{masks}{case}_mask.png" for case in "abc"), further)
    with pytest.raises(
        InputError, match=rf"{further} is of no image of its own name, and beside {masks}a_mask\.png .* 1 such"
    ):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("masks", "options", "annotators"),
    [
        (["masks/{}.png", "masks/{}_1.png", "masks/{}_2.png"], {"annotators": ["1", "2"]}, ("1", "2")),
        (["masks/{}.png", "masks/{}_1.png", "masks/{}_2.png"], {}, ("1", "2")),  # of every image
        (["masks/{}.png", "masks/1/{}.png", "masks/2/{}.png"], {}, ("1", "2")),
        (["truth/{}.png", "1/{}.png", "2/{}.png"], {}, ("1", "2")),
        (["gt/{}.png", "mask1/{}.png", "mask2/{}.png"], {}, ("mask1", "mask2")),
        (["masks/{}_gt.png", "masks/{}_seg1.png", "masks/{}_seg2.png"], {}, ("seg1", "seg2")),
        (["masks/{}_0.png", "masks/{}_1.png", "masks/{}_2.png"], {"truth": "0"}, ("1", "2")),
        (["masks/{}_l0.png", "masks/{}_l1.png"], {}, ("l0", "l1")),
    ],
)
def test_numbers_may_be_annotators(masks, options, annotators, tmp_path):
    touch(tmp_path, *(f"images/{case}.png" for case in "abc"), *(mask.format(case) for case in "abc" for mask in masks))
    dataset = read_dataset(tmp_path, **options)
    assert dataset.annotators == annotators
    assert all([*item["annotators"]] == list(annotators) for item in dataset.items)
