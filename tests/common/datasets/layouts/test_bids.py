"""BIDS: images and derivatives, annotators by desc-, structures by label-, tables of class names."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_files import reasons, short, touch, write_json

from common.datasets import read_dataset
from common.errors import InputError


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


def test_annotators_of_bids_who_drew_images_of_their_own(tmp_path: Path) -> None:
    """As in folders of annotators: not one label of nobody."""
    for subject, who in (("sub-1", "A"), ("sub-2", "B"), ("sub-3", "A")):
        touch(tmp_path, f"{subject}/anat/{subject}_T1w.nii.gz")
        touch(tmp_path, f"derivatives/x/{subject}/anat/{subject}_desc-{who}_dseg.nii.gz")
    dataset = read_dataset(tmp_path)
    assert dataset.annotators == ("A", "B") and "There are 2 annotators: A, B." in dataset.notes
    assert [[*item["annotators"]] for item in dataset.items] == [["A"], ["B"], ["A"]]
    assert not any("label" in item for item in dataset.items)


@pytest.mark.parametrize("table", ["dseg.tsv", "desc-A_dseg.tsv", "sub-1/anat/sub-1_dseg.tsv"])
def test_tables_of_bids_stand_wherever_the_standard_allows(table: str, tmp_path: Path) -> None:
    root = brain(tmp_path, "x/{}_desc-A_dseg.nii.gz")
    (root / "derivatives/x" / table).write_text("index\tname\n1\tlesion\n")
    assert read_dataset(root).class_names == {0: "background", 1: "lesion"}


@pytest.mark.parametrize(
    ("label", "table"),
    [
        ("x/{}_label-lesion_mask.nii.gz", "derivatives/x/desc-aseg_dseg.tsv"),
        ("x/{}_label-lesion_mask.nii.gz", "derivatives/x/dseg.tsv"),
        ("x/{}_dseg.nii.gz", "derivatives/x/desc-aseg_dseg.tsv"),
        ("x/{}_dseg.nii.gz", "derivatives/x/atlas-Schaefer_dseg.tsv"),
        ("x/{}_desc-A_dseg.nii.gz", "derivatives/x/sub-9/anat/sub-9_dseg.tsv"),
        ("x/{}_desc-A_dseg.nii.gz", "derivatives/y/dseg.tsv"),
    ],
)
def test_tables_of_bids_describe_what_they_lie_above_and_have_no_more_entities_than(
    label: str, table: str, tmp_path: Path
) -> None:
    """Tables of other segmentations, also those that are no tables, are none of ours; one in the root is of all."""
    root = brain(tmp_path, label)
    (root / table).parent.mkdir(parents=True, exist_ok=True)
    (root / table).write_text("number\tcolor\n1\tred\n")
    assert read_dataset(root).class_names is None
    if label.endswith("dseg.nii.gz"):
        (root / "dseg.tsv").write_text("index\tname\n1\tlesion\n")
        assert read_dataset(root).class_names == {0: "background", 1: "lesion"}


def test_tables_of_annotators_who_are_not_read_say_nothing(tmp_path: Path) -> None:
    root = brain(tmp_path, "x/{}_desc-A_dseg.nii.gz", "x/{}_desc-B_dseg.nii.gz")
    for name, structure in (("A", "lesion"), ("B", "vessel")):
        (root / f"derivatives/x/desc-{name}_dseg.tsv").write_text(f"index\tname\n1\t{structure}\n")
    assert read_dataset(root, annotators=["B"]).class_names == {0: "background", 1: "vessel"}
    with pytest.raises(InputError, match="as in another table"):
        read_dataset(root)


def brain(root: Path, *labels: str) -> Path:
    """Two images of one kind, with these derivatives of each."""
    for subject in ("sub-1", "sub-2"):
        touch(root, f"{subject}/anat/{subject}_T1w.nii.gz")
        touch(root, *(f"derivatives/{place.format(f'{subject}/anat/{subject}')}" for place in labels))
    return root


def test_masks_of_several_structures_in_bids_are_no_annotators(tmp_path: Path) -> None:
    tissues = brain(tmp_path / "a", "fs/{}_label-GM_mask.nii.gz", "fs/{}_label-WM_mask.nii.gz")
    with pytest.raises(InputError, match=r"several structures \(label-GM, label-WM\), .*such as structure=WM"):
        read_dataset(tissues)
    found = read_dataset(tissues, structure="GM")
    assert short(found)["sub-1"]["label"] == "derivatives/fs/sub-1/anat/sub-1_label-GM_mask.nii.gz"
    assert found.annotators == () and set(reasons(found).values()) == {"labels are those of GM"}
    lesions = brain(tmp_path / "b", "prep/{}_desc-brain_mask.nii.gz", "drawn/{}_label-lesion_mask.nii.gz")
    with pytest.raises(InputError, match=r"\(no label-, label-lesion\), .*such as structure=lesion"):
        read_dataset(lesions)
    assert "lesion" in short(read_dataset(lesions, structure="lesion"))["sub-1"]["label"]
    with pytest.raises(InputError, match=r"structure: expected one that masks show .*, got tumor"):
        read_dataset(lesions, structure="tumor")


def test_tables_of_bids_that_name_a_value_differently_are_refused(tmp_path: Path) -> None:
    root = brain(tmp_path, "a/{}_desc-AR_dseg.nii.gz", "b/{}_desc-HS_dseg.nii.gz", "c/{}_desc-x_other.nii.gz")
    for derivative, name in (("a", "lesion"), ("c", "vessel")):
        (root / f"derivatives/{derivative}/dseg.tsv").write_text(f"index\tname\n1\t{name}\n")
    assert read_dataset(root).class_names == {0: "background", 1: "lesion"}, "of derivatives that hold labels"
    (root / "derivatives/b/dseg.tsv").write_text("index\tname\n1\tventricle\n")
    with pytest.raises(InputError, match=r"b/dseg\.tsv: expected lesion for 1, as in another table, got ventricle"):
        read_dataset(root)


def test_channels_that_bids_does_not_have(tmp_path: Path) -> None:
    root = brain(tmp_path, "x/{}_dseg.nii.gz", "x/{}_desc-y_dseg.nii.gz")
    touch(root, "sub-1/anat/sub-1_FLAIR.nii.gz", "derivatives/x/sub-3/anat/sub-3_dseg.nii.gz")
    with pytest.raises(InputError, match="modalities: expected some of FLAIR, T1w, got t1w"):
        read_dataset(root, modalities=["t1w"])
    with pytest.raises(InputError, match="modalities: expected different names, got FLAIR, FLAIR"):
        read_dataset(root, modalities=["FLAIR", "FLAIR"])
    found = reasons(read_dataset(root, modalities=["FLAIR"], annotators=["y"]))
    assert found["sub-1/anat/sub-1_T1w.nii.gz"] == "T1w is not among the modalities"
    assert found["derivatives/x/sub-1/anat/sub-1_dseg.nii.gz"] == "x is not among the annotators"
    assert found["derivatives/x/sub-2/anat/sub-2_dseg.nii.gz"] == "sub-2 has no FLAIR"
    assert found["derivatives/x/sub-3/anat/sub-3_dseg.nii.gz"] == "there is no image of its name"
