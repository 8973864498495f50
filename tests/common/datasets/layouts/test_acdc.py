"""The ACDC layout: frames of subjects, and their groups, over which test, validation and training are balanced."""

from __future__ import annotations

from collections import Counter

import pytest
from dataset_files import reasons

from common.datasets import read_dataset, split_dataset
from common.errors import InputError

GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")
FEW = (5, 5, 10)  # training, validation and test subjects


def add_subject(root, number, group=None):
    subject = f"patient{number:03d}"
    folder = root / subject
    folder.mkdir(parents=True)
    for name in ("frame01", "frame01_gt", "frame12", "frame12_gt", "4d"):
        (folder / f"{subject}_{name}.nii.gz").touch()
    if group:
        (folder / "Info.cfg").write_text(f"ED: 1\nES: 12\nGroup: {group}\nHeight: 184.0\n", encoding="utf-8")
    return folder


@pytest.fixture
def dataset(tmp_path):
    for number in range(25):
        add_subject(tmp_path / ("training" if number < 15 else "testing"), number + 1, GROUPS[number % 5])
    return tmp_path


def sections(root, seed=0, counts=FEW):
    split = split_dataset(read_dataset(root, "acdc"), seed, counts=counts)
    return split.training, split.validation, split.test


def subjects(items):
    return {item["subject"] for item in items}


def test_sections_are_disjoint_with_both_frames_of_each_subject(dataset):
    parts = sections(dataset)
    assert [len(items) for items in parts] == [10, 10, 20]
    assert len(set.union(*map(subjects, parts))) == 20
    item = parts[0][0]
    assert item["case"] == f"{item['subject']}_frame01"
    assert item["image"].endswith(f"/{item['subject']}/{item['case']}.nii.gz")
    assert item["label"].endswith(f"/{item['subject']}/{item['case']}_gt.nii.gz")


def test_sections_are_balanced_over_the_groups(dataset):
    for seed in range(3):
        for items, size in zip(sections(dataset, seed), (1, 1, 2), strict=True):
            drawn = Counter(GROUPS[(int(name[7:]) - 1) % 5] for name in subjects(items))
            assert drawn == dict.fromkeys(GROUPS, size)


def test_test_subjects_depend_on_nothing_but_their_number(dataset):
    training, _, test = sections(dataset)
    assert sections(dataset, 3, (10, 2, 10))[2] == test
    assert len({frozenset(subjects(sections(dataset, seed)[0])) for seed in range(4)}) > 1
    more = sections(dataset, counts=(8, 5, 10))[0]
    assert subjects(training) < subjects(more)  # a smaller set is part of a larger one


def test_what_is_not_complete_is_named(dataset, tmp_path_factory):
    with pytest.raises(InputError, match=r"25 subjects, but 5 training \+ 5 validation \+ 50 test subjects are 60"):
        sections(dataset, counts=(5, 5, 50))
    with pytest.raises(InputError, match="num_training is -1"):
        sections(dataset, counts=(-1, 5, 5))
    with pytest.raises(InputError, match="holds no labeled case in the layout acdc"):
        read_dataset(tmp_path_factory.mktemp("empty"), "acdc")
    (dataset / "training/patient003/patient003_frame12_gt.nii.gz").unlink()
    (dataset / "testing/patient020/patient020_frame01.nii.gz").unlink()
    found = read_dataset(dataset)
    assert len(found.items) == 48
    said = {path.rpartition("/")[2]: reason for path, reason in reasons(found).items()}
    assert said["patient003_frame12.nii.gz"] == "there is no label …_gt.nii.gz of it"
    assert said["patient020_frame01_gt.nii.gz"] == "there is no image of its name"
    assert said["patient001_4d.nii.gz"] == "the whole series is not labeled"


def test_a_subject_in_two_folders(dataset):
    add_subject(dataset, 1)
    with pytest.raises(InputError, match="two folders of the subject patient001"):
        read_dataset(dataset)


def test_subjects_without_groups_and_no_validation(tmp_path):
    for number in range(6):
        add_subject(tmp_path, number, None)
    assert not any("stratum" in item for item in read_dataset(tmp_path).items)
    training, validation, _ = sections(tmp_path, counts=(4, 0, 2))
    assert validation == []
    assert len(subjects(training)) == 4


def test_real_acdc(real_data):
    parts = sections(real_data / "acdc", counts=(5, 5, 25))
    assert [len(items) for items in parts] == [10, 10, 50]
    assert len(set.union(*map(subjects, parts))) == 35
