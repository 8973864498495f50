"""Layouts of data sets by their name or files: folder to cases, by names only."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from dataset_files import reasons, short, touch, write_json

from common.datasets import read_dataset, split_dataset
from common.datasets.layouts.recognize import LAYOUTS, find_layouts
from common.errors import InputError

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


def test_the_label_of_brats_is_no_channel(tmp_path: Path) -> None:
    touch(tmp_path, *PUBLIC["brats"])
    with pytest.raises(InputError, match="modalities: expected channels of the image, got seg, which is the label"):
        read_dataset(tmp_path, modalities=["flair", "seg"])


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


def test_every_layout_is_tested_and_documented() -> None:
    with_tests_of_their_own = {"nnunet", "msd", "bids", "datalist", "oai"}
    assert PUBLIC.keys() | with_tests_of_their_own == set(LAYOUTS)
    page = Path(__file__).parents[4].joinpath("docs/data_sets.md").read_text(encoding="utf-8")
    rows = "".join(line for line in page.partition("## Layouts")[2].splitlines() if line.startswith("| `"))
    assert [layout for layout in LAYOUTS if f"`{layout}`" not in rows] == []


def test_a_folder_that_fits_none_gets_one_sentence(tmp_path: Path) -> None:
    touch(tmp_path, "a.xyz", "b.xyz", "scans/c.dcm")
    with pytest.raises(InputError) as refused:
        read_dataset(tmp_path)
    message = str(refused.value)
    assert "2 .xyz and the folder scans (with 1 .dcm)" in message and "datalist (docs/data_sets.md)" in message
    places = [message.index(f" {layout}: ") for layout in reversed(LAYOUTS)]
    assert places == sorted(places) and "\n" not in message


def test_a_layout_or_option_that_there_is_not(tmp_path):
    touch(tmp_path, "images/a.png", "masks/a.png")
    with pytest.raises(InputError, match="layout: expected one of acdc"):
        read_dataset(tmp_path, layout="coco")
    with pytest.raises(InputError, match="layout: expected one of acdc"):
        read_dataset(tmp_path, layout=["plain"])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="has no option organ; it has images, labels, annotators"):
        read_dataset(tmp_path, organ="liver")
    with pytest.raises(InputError, match="does not exist"):
        read_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="one group"):
        read_dataset(tmp_path, subject_pattern="a")
    with pytest.raises(InputError, match="holds no labeled case in the layout nci"):
        read_dataset(tmp_path, layout="nci")
    touch(tmp_path / "ms", *PUBLIC["ms_lesion"])
    with pytest.raises(InputError, match="modalities: expected a list of names, got 'flair'"):  # no letters of it
        read_dataset(tmp_path / "ms", modalities="flair")
    with pytest.raises(InputError, match=r"4 files left out, the first .*training01_01 has no t1\.$"):
        read_dataset(tmp_path / "ms", modalities=["flair", "t1"])


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


@pytest.mark.parametrize("place", [None, [], "", 7])
def test_a_data_set_is_a_folder(place):
    with pytest.raises(InputError, match="dataset_dir: expected the folder of a data set or a datalist"):
        read_dataset(place)


def test_images_that_nnunet_1_lists_without_their_channels(tmp_path: Path) -> None:
    touch(tmp_path, "imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz", "labelsTr/a.nii.gz")
    listed = {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}
    write_json(tmp_path / "dataset.json", {"modality": {"0": "T1", "1": "T2"}, "training": [listed]})
    files = ["imagesTr/a_0000.nii.gz", "imagesTr/a_0001.nii.gz"]
    assert short(read_dataset(tmp_path))["a"] == {"image": files, "label": "labelsTr/a.nii.gz", "subject": "a"}


def test_a_case_without_all_channels_is_left_out_where_no_file_lists_them(tmp_path: Path) -> None:
    touch(tmp_path, *(f"imagesTr/{name}.png" for name in ("a_0000", "a_0001", "b_0000", "c_0001")))
    touch(tmp_path, *(f"labelsTr/{name}.png" for name in "abc"))
    found = read_dataset(tmp_path, "msd")
    assert found.cases == ("a",)
    assert reasons(found)["imagesTr/b_0000.png"] == reasons(found)["labelsTr/b.png"] == "b has 1 of 2 channels"
    assert "imagesTr/c_0001.png" in reasons(found)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"annotators": ["AR", "XX"]}, "annotators: .* there is no XX; of those that are named, AR did"),
        ({"annotators": ["AR", "HS"], "truth": "gtx"}, "truth: expected the name of a ground truth, got gtx"),
    ],
)
def test_names_that_the_data_set_does_not_have_are_refused(tmp_path: Path, options: Any, sentence: str) -> None:
    touch(tmp_path, "images/a.png", "AR/a.png", "HS/a.png", "truth/a.png")
    with pytest.raises(InputError, match=sentence):
        read_dataset(tmp_path, **options)


@pytest.mark.parametrize(
    "names", [("training", "validation", "testing"), ("train", "val", "test"), ("train", "valid", "test")]
)
def test_sections_of_a_datalist_under_their_usual_names(names: tuple[str, ...], tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png", "c.png")
    lists = {key: [{"image": f"{name}.png", "label": f"{name}.png"}] for key, name in zip(names, "abc", strict=True)}
    dataset = read_dataset(write_json(tmp_path / "cases.json", lists | {"labels": {"background": 0}, "numTest": 1}))
    assert [item["section"] for item in dataset.items] == ["training", "validation", "test"]
    assert not any("left out" in note for note in dataset.notes)


def test_a_datalist_of_test_cases_alone_trains_nothing_and_other_lists_are_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.png")
    case = [{"image": "a.png", "label": "a.png"}]
    dataset = read_dataset(write_json(tmp_path / "cases.json", {"test": case, "pool": case}))
    assert [item["section"] for item in dataset.items] == ["test"]
    assert any("are left out: pool" in note for note in dataset.notes)


@pytest.mark.parametrize(
    ("text", "sentence"), [('{"training": [', "cannot be read as a JSON datalist"), ("[]", "case")]
)
def test_a_json_file_is_a_datalist_and_what_is_wrong_with_it_is_said(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "cases.json").write_text(text)
    with pytest.raises(InputError, match=sentence) as caught:
        read_dataset(tmp_path / "cases.json")
    assert "fits no layout" not in str(caught.value)


def test_folders_nearby_that_fit_are_named(tmp_path: Path) -> None:
    """One too high or too deep is what is typed most; BUSI has a folder for each kind of image."""
    touch(
        tmp_path, "notes/readme.txt", *(f"{kind}/{part}/a.png" for kind in ("us", "mr") for part in ("images", "masks"))
    )
    for given, sentence in (
        (tmp_path, r"fits no layout\. Of the folders in it, .*/mr \(plain\), .*/us \(plain\) would fit one: give it"),
        (tmp_path / "us/images", r"fits no layout\. Of the folders above it, .*/us \(plain\) would fit one: give it"),
    ):
        with pytest.raises(InputError, match=sentence) as caught:
            read_dataset(given)
        assert "dataset.json" not in str(caught.value), "what each layout expects would hide the answer"
    with pytest.raises(InputError, match=r"readme.txt is a file: expected the folder of a data set or a datalist"):
        read_dataset(tmp_path / "notes/readme.txt")


def test_a_folder_without_files_is_named(tmp_path: Path) -> None:
    """An annotator whose labels were not copied is missed at once."""
    touch(tmp_path, *(f"{folder}/{case}.png" for folder in ("images", "anna", "bob") for case in "ab"))
    (tmp_path / "chris").mkdir()
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("anna", "bob")
    assert dataset.left_out == ((str(tmp_path / "chris"), "the folder holds no file"),)
    assert any(note.endswith("the first is chris: the folder holds no file.") for note in dataset.notes)


def test_a_number_may_be_the_name_of_a_case_in_a_datalist(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.png")
    write_json(tmp_path / "list.json", {"training": [{"image": "a.png", "label": "b.png", "case": 7}]})
    assert read_dataset(tmp_path).cases == ("7",)


@pytest.mark.parametrize(
    ("labels", "names", "ignore"),
    [
        ({"background": 0, "11": 1, "12": 2, "ignore": 3}, {0: "background", 1: "11", 2: "12"}, 3),  # teeth, as FDI
        ({"0": "background", "1": "11", "2": "12", "3": "ignore"}, {0: "background", 1: "11", 2: "12"}, 3),
        ({"background": "0", "a": "1"}, {0: "background", 1: "a"}, None),
    ],
)
@pytest.mark.parametrize("layout", ["nnunet", "msd", "datalist"])
def test_names_of_classes_may_be_numbers_and_ignore_is_none_of_them(
    tmp_path: Path, layout: str, labels: Any, names: Any, ignore: Any
) -> None:
    touch(tmp_path, "imagesTr/a_0000.png", "imagesTr/a.png", "labelsTr/a.png")
    training = [{"image": "imagesTr/a.png", "label": "labelsTr/a.png"}]
    more = {"channel_names": {"0": "x"}, "file_ending": ".png"} if layout == "nnunet" else {"training": training}
    write_json(tmp_path / "dataset.json", {"labels": labels, **more})
    found = read_dataset(tmp_path, layout)
    assert (found.class_names, found.ignore_value) == (names, ignore)


def test_one_image_is_not_in_two_sections(tmp_path: Path) -> None:
    """As in a list with an entry for each annotator; which subject an image is of may be said."""
    touch(tmp_path, *(f"{name}.png" for name in ("a", "b", "a_AR", "a_HS", "b_AR")))
    entries = [{"image": f"{name[0]}.png", "label": f"{name}.png", "case": name} for name in ("a_AR", "a_HS", "b_AR")]
    write_json(tmp_path / "list.json", {"training": entries})
    found = short(read_dataset(tmp_path, "datalist"))
    assert [item["subject"] for item in found.values()] == ["a_AR", "a_AR", "b_AR"]
    write_json(tmp_path / "list.json", {"training": entries[::2], "testing": entries[1:2]})
    with pytest.raises(InputError, match="the subject a_AR is in training and in test"):
        split_dataset(read_dataset(tmp_path, "datalist"))
    write_json(tmp_path / "list.json", {"training": [entry | {"subject": entry["case"]} for entry in entries]})
    assert len({item["subject"] for item in read_dataset(tmp_path, "datalist").items}) == 3


def test_which_of_many_organs_is_read_is_said(tmp_path: Path) -> None:
    touch(
        tmp_path, "s1/ct.nii.gz", *(f"s1/segmentations/{organ}.nii.gz" for organ in ("aorta", "kidney_right", "liver"))
    )
    for given, organ in (({}, "kidney_right"), ({"organ": "liver"}, "liver")):
        found = read_dataset(tmp_path, leave_out_empty=False, **given)
        assert found.class_names == {0: "background", 1: organ}
        assert f"The structure is {organ}; organ names another of the 3." in found.notes


def test_some_files_of_a_folder_that_are_left_out_are_not_called_the_folder(tmp_path: Path) -> None:
    (tmp_path / "labels").mkdir()
    for number in range(14):
        (tmp_path / f"labels/{number}.png").touch()
    (tmp_path / "image.png").touch()
    (tmp_path / "data.json").write_text('[{"image": "image.png", "label": "labels/0.png"}]')
    said = read_dataset(tmp_path / "data.json").notes
    assert any("the first is 13 files in labels: it has no place in the layout." in note for note in said), said


def test_annotators_of_a_datalist_that_are_read(tmp_path: Path) -> None:
    """Of three annotators one is the ground truth and one is not read; a case of it alone is left out."""
    touch(tmp_path, *(f"{case}{ending}.png" for case in "abc" for ending in ("", "_AR", "_HS", "_SG")))
    drawn = {"a": ("AR", "HS", "SG"), "b": ("HS",), "c": ("SG",)}
    entries = [
        {"image": f"{case}.png", "annotators": {name: f"{case}_{name}.png" for name in names}}
        for case, names in drawn.items()
    ]
    write_json(tmp_path / "cases.json", {"training": entries})
    every = read_dataset(tmp_path, "datalist")
    assert every.annotators == ("AR", "HS", "SG") and every.cases == ("a", "b", "c")
    dataset = read_dataset(tmp_path, "datalist", annotators=["HS"], truth="AR")
    assert dataset.annotators == ("HS",) and dataset.cases == ("a", "b")
    first, second = dataset.items
    assert first["label"].endswith("a_AR.png") and "label" not in second
    assert [list(item["annotators"]) for item in dataset.items] == [["HS"], ["HS"]]
    assert [reason for name, reason in dataset.left_out if "entry 2" in name] == [
        "none of the annotators that are read labeled it"
    ]
    with pytest.raises(InputError, match="there is no XY"):
        read_dataset(tmp_path, "datalist", annotators=["HS", "XY"])
    with pytest.raises(InputError, match="truth: expected the name of a ground truth, got XY"):
        read_dataset(tmp_path, "datalist", truth="XY")


def test_a_case_of_totalsegmentator_without_its_image_is_named(tmp_path: Path) -> None:
    touch(tmp_path, *(f"s{n}/{file}.nii.gz" for n in range(3) for file in ("ct", "segmentations/liver")))
    (tmp_path / "s1/ct.nii.gz").unlink()
    dataset = read_dataset(tmp_path, organ="liver", leave_out_empty=False)
    assert dataset.cases == ("s0", "s2") and dataset.left_out == (("s1", "it has no ct.nii.gz"),)
