"""Layouts: folder to cases, by names only; what is not read is named."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from common.datasets import read_dataset
from common.datasets.dataset import Dataset
from common.datasets.layouts.recognize import LAYOUTS, find_layouts
from common.errors import InputError


def touch(root: Path, *files: str) -> Path:
    """Empty files: a layout goes by names."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def short(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Items by case, with paths below the root."""

    def relative(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: relative(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [relative(entry) for entry in value]
        return value.removeprefix(f"{dataset.root}/") if isinstance(value, str) else value

    return {
        item["case"]: {key: relative(value) for key, value in item.items() if key != "case"} for item in dataset.items
    }


def reasons(dataset: Dataset) -> dict[str, str]:
    return {path.removeprefix(f"{dataset.root}/"): reason for path, reason in dataset.left_out}


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
    assert "1 files or folders were left out; the first is images/b.png: there is no label of its name." in said


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


MSD = {
    "modality": {"0": "FLAIR", "1": "T1w"},
    "labels": {"0": "background", "1": "edema"},
    "numTraining": 3,
    "training": [{"image": f"./imagesTr/{x}.nii.gz", "label": f"./labelsTr/{x}.nii.gz"} for x in ("a", "b")],
    "test": ["./imagesTs/c.nii.gz"],
}


def test_the_decathlon(tmp_path):
    write_json(tmp_path / "dataset.json", MSD)
    touch(tmp_path, "imagesTr/a.nii.gz", "labelsTr/a.nii.gz", "imagesTs/c.nii.gz", "imagesTr/._a.nii.gz")
    touch(tmp_path, "imagesTr/z.nii.gz")
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.cases) == ("msd", ("a",))
    assert dataset.channel_names == ("FLAIR", "T1w")
    assert dataset.class_names == {0: "background", 1: "edema"}
    assert "no such file" in reasons(dataset)["imagesTr/b.nii.gz"]
    assert "not in the list" in reasons(dataset)["imagesTr/z.nii.gz"]
    assert "no labels" in reasons(dataset)["imagesTs/c.nii.gz"]
    assert any("imagesTs holds 1 images without labels" in note for note in dataset.notes)
    assert any("numTraining 3, but lists 2" in note for note in dataset.notes)
    (tmp_path / "dataset.json").unlink()
    assert read_dataset(tmp_path, layout="msd").cases == ("a",)
    (tmp_path / "dataset.json").write_text("[")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_dataset(tmp_path, layout="msd")


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


def test_regions_of_nnunet_are_refused_by_name(tmp_path):
    nnunet(tmp_path, labels={"background": 0, "whole": [1, 2], "core": 2})
    with pytest.raises(InputError, match="the labels whole are regions"):
        read_dataset(tmp_path)


def test_a_datalist(tmp_path):
    touch(tmp_path, "d/a.nii.gz", "d/b.nii.gz", "m/a.nii.gz", "m/b.nii.gz", "d/a2.nii.gz")
    entry = {"image": "d/b.nii.gz", "label": "m/b.nii.gz"}
    content = {
        "training": [
            {"image": ["./d/a.nii.gz", "d/a2.nii.gz"], "label": "m/a.nii.gz", "fold": 1, "subject": "s"},
            {**entry, "case": "x" * 300},
            {**entry, "case": "a\0b"},
            {**entry, "case": "\ud800"},
            {"image": "gone.nii.gz", "label": "m/b.nii.gz"},
            "d/b.nii.gz",
        ],
        "validation": [{"image": "d/b.nii.gz", "annotators": {"AR": "m/b.nii.gz", "HS": None}, "case": "./b//1"}],
        "testing": [{"image": "d/b.nii.gz"}],
    }
    path = write_json(tmp_path / "list.json", content)
    for source in (path, tmp_path):
        dataset = read_dataset(source, layout=None if source == path else "datalist")
        assert short(dataset) == {
            "a": {
                "subject": "s",
                "section": "training",
                "fold": 1,
                "image": ["d/a.nii.gz", "d/a2.nii.gz"],
                "label": "m/a.nii.gz",
            },
            "b/1": {
                "subject": "b/1",
                "section": "validation",
                "image": "d/b.nii.gz",
                "annotators": {"AR": "m/b.nii.gz"},
            },
        }
        said = " ".join(reason for _, reason in dataset.left_out)
        for part in ("300 bytes", "NUL", "not valid Unicode", "there is no file", "it has no label"):
            assert part in said
    write_json(path, {"training": [{**entry, "case": "a"}, {**entry, "case": "./a"}]})
    with pytest.raises(InputError, match="two cases have the name 'a'"):
        read_dataset(path)


def test_bids(tmp_path):
    write_json(tmp_path / "dataset_description.json", {})
    for subject, session in (("sub-01", "ses-1"), ("sub-01", "ses-2"), ("sub-02", "ses-1")):
        folder, name = f"{subject}/{session}/anat", f"{subject}_{session}"
        touch(tmp_path, f"{folder}/{name}_T1w.nii.gz", f"derivatives/seg/{folder}/{name}_desc-AR_dseg.nii.gz")
        touch(tmp_path, f"derivatives/seg/{folder}/{name}_desc-brain_mask.nii.gz")
    touch(tmp_path, "derivatives/seg/sub-02/ses-1/anat/sub-02_ses-1_desc-HS_dseg.nii.gz")
    (tmp_path / "derivatives/seg/dseg.tsv").write_text("index\tname\n1\tGM\n")
    dataset = read_dataset(tmp_path)
    assert (dataset.layout, dataset.annotators) == ("bids", ("AR", "HS"))
    assert dataset.class_names == {0: "background", 1: "GM"}
    assert dataset.channel_names == ("T1w",)
    items = short(dataset)
    assert {case: item["subject"] for case, item in items.items()} == {
        "sub-01_ses-1": "sub-01",
        "sub-01_ses-2": "sub-01",
        "sub-02_ses-1": "sub-02",
    }
    assert set(items["sub-02_ses-1"]["annotators"]) == {"AR", "HS"}
    assert sum("_dseg" in reason for reason in reasons(dataset).values()) == 3
    touch(tmp_path, "sub-01/ses-1/anat/sub-01_ses-1_FLAIR.nii.gz")
    with pytest.raises(InputError, match=r"several kinds \(FLAIR, T1w\)"):
        read_dataset(tmp_path)
    chosen = read_dataset(tmp_path, modalities=["FLAIR", "T1w"])
    assert chosen.cases == ("sub-01_ses-1",)


def test_one_segmentation_of_bids_is_the_label(tmp_path):
    touch(tmp_path, "sub-1/anat/sub-1_T2w.nii.gz", "derivatives/x/sub-1/anat/sub-1_space-orig_dseg.nii.gz")
    item = short(read_dataset(tmp_path))["sub-1"]
    assert item["label"] == "derivatives/x/sub-1/anat/sub-1_space-orig_dseg.nii.gz"
    assert "annotators" not in item


PUBLIC = {
    "acdc": [
        f"{part}/patient00{n}/patient00{n}_frame01{end}.nii.gz"
        for part, n in (("training", 1), ("testing", 2))
        for end in ("", "_gt")
    ],
    "totalsegmentator": [f"s{n}/{f}.nii.gz" for n in range(2) for f in ("ct", "segmentations/kidney_right")],
    "brats": [f"HGG/C{n}/C{n}_{m}.nii.gz" for n in range(2) for m in ("flair", "t1", "t1ce", "t2", "seg")],
    "ms_lesion": [
        f"training0{n}/{f}"
        for n in (1, 2)
        for f in (f"preprocessed/training0{n}_01_flair_pp.nii", f"masks/training0{n}_01_mask1.nii")
    ],
    "nci": [f"d/Prostate3T-01-000{n}{f}" for n in range(2) for f in ("/1/2/1.dcm", ".nrrd")],
    "isic": [
        f
        for s in ("Training", "Test_v2")
        for f in (f"ISIC-2017_{s}_Data/{s}.jpg", f"ISIC-2017_{s}_Part1_GroundTruth/{s}_segmentation.png")
    ],
    "mnist": [
        f"{s}/{k}/{s}.tif" for s in ("train", "validate", "test") for k in ("image", "truth", "over", "under", "wrong")
    ],
    "lidc": [
        f"{s}/{f}.png" for s in ("train", "val") for f in (f"images/{s}/z", *(f"gt/{s}/z_l{k}" for k in range(4)))
    ],
    "hippocampus": [f"{f}/hippocampus_00{n}.nii.gz" for f in ("imagesTr", "labelsTr") for n in range(2)],
    "shenzhen": [f"{f}/CHNCXR_{n:04}_{n % 2}.png" for f in ("images", "masks") for n in range(4)],
    "plain": ["images/a.png", "masks/a.png", "images/b.png", "masks/b.png"],
}


@pytest.mark.parametrize("layout", PUBLIC)
def test_public_data_sets_are_recognized(tmp_path, layout):
    touch(tmp_path, *PUBLIC[layout])
    assert find_layouts(tmp_path)[0] == layout
    dataset = read_dataset(tmp_path, **({"leave_out_empty": False} if layout == "totalsegmentator" else {}))
    assert dataset.layout == layout
    assert len(dataset.items) >= 2
    assert dataset.left_out == ()
    for item in dataset.items:
        assert {"case", "subject", "image"} <= item.keys() and ("label" in item or "annotators" in item)
    assert list(dataset.cases) == sorted(dataset.cases)


def test_a_folder_that_fits_none_gets_one_sentence(tmp_path):
    touch(tmp_path, "a.xyz", "b.xyz", "scans/c.dcm")
    with pytest.raises(InputError) as refused:
        read_dataset(tmp_path)
    message = str(refused.value)
    assert "2 .xyz and the folder scans (with 1 .dcm)" in message
    assert all(f"{layout}: " in message for layout in LAYOUTS)
    assert "\n" not in message


def test_a_layout_or_option_that_there_is_not(tmp_path):
    touch(tmp_path, "images/a.png", "masks/a.png")
    with pytest.raises(InputError, match="layout: expected one of acdc"):
        read_dataset(tmp_path, layout="coco")
    with pytest.raises(InputError, match="has no option organ; it has images, labels, annotators"):
        read_dataset(tmp_path, organ="liver")
    with pytest.raises(InputError, match="does not exist"):
        read_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="one group"):
        read_dataset(tmp_path, subject_pattern="a")
    with pytest.raises(InputError, match="holds no labeled case in the layout nci"):
        read_dataset(tmp_path, layout="nci")


def test_several_layouts_that_fit_are_said(tmp_path):
    touch(tmp_path, *PUBLIC["shenzhen"])
    assert read_dataset(tmp_path).notes[0] == "The layout is shenzhen, by the names of the files; plain would fit too."


def test_listing_takes_a_millisecond_a_case_at_most(tmp_path):
    count = 2000
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
        for index in range(count):
            (tmp_path / folder / f"case{index}.png").touch()
    start = time.process_time()
    assert len(read_dataset(tmp_path).items) == count
    assert time.process_time() - start < count * 1e-3  # it takes about a twentieth
