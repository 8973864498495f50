"""The ACDC layout, its subjects' groups, and the draw of test, validation and training subjects."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import acdc_datalist
from common.datasets.subject_split import balanced_draw
from common.errors import InputError

GROUPS = ("DCM", "HCM", "MINF", "NOR", "RV")
SECTIONS = ("training", "validation", "test")
FEW = {"num_training": 5, "num_validation": 5, "num_test": 10}


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


def subjects(items):
    return {item["subject"] for item in items}


def test_sections_are_disjoint_with_both_frames_of_each_subject(dataset):
    lists = {section: acdc_datalist(dataset, section, **FEW) for section in SECTIONS}
    assert {section: len(items) for section, items in lists.items()} == {"training": 10, "validation": 10, "test": 20}
    assert len(set.union(*map(subjects, lists.values()))) == 20
    item = lists["training"][0]
    assert item["case"] == f"{item['subject']}_frame01"
    assert item["image"].endswith(f"/{item['subject']}/{item['case']}.nii.gz")
    assert item["label"].endswith(f"/{item['subject']}/{item['case']}_gt.nii.gz")


def test_sections_are_balanced_over_the_groups(dataset):
    for section, size in zip(SECTIONS, (1, 1, 2), strict=True):
        for seed in range(3):
            drawn = subjects(acdc_datalist(dataset, section, seed=seed, **FEW))
            assert Counter(GROUPS[(int(name[7:]) - 1) % 5] for name in drawn) == dict.fromkeys(GROUPS, size)


def test_test_subjects_depend_on_nothing_but_their_number(dataset):
    test = acdc_datalist(dataset, "test", **FEW)
    assert acdc_datalist(dataset, "test", seed=3, num_training=10, num_validation=2, num_test=10) == test
    training = {frozenset(subjects(acdc_datalist(dataset, "training", seed=seed, **FEW))) for seed in range(4)}
    assert len(training) > 1
    more = acdc_datalist(dataset, "training", **FEW | {"num_training": 8})
    assert subjects(acdc_datalist(dataset, "training", **FEW)) < subjects(more)  # a smaller set is part of a larger one


def test_what_is_wrong_is_named_with_numbers(dataset, tmp_path_factory):
    with pytest.raises(InputError, match=r"25 subjects, but 5 training \+ 5 validation \+ 50 test subjects are 60"):
        acdc_datalist(dataset, "training")
    with pytest.raises(InputError, match="num_training is -1"):
        acdc_datalist(dataset, "training", num_training=-1)
    with pytest.raises(InputError, match="got 'testing'"):
        acdc_datalist(dataset, "testing", **FEW)
    with pytest.raises(InputError, match="holds no ACDC subject"):
        acdc_datalist(tmp_path_factory.mktemp("empty"), "training")
    (dataset / "training/patient003/patient003_frame12_gt.nii.gz").unlink()
    with pytest.raises(InputError, match=r"1 frames without a label .*: patient003_frame12"):
        acdc_datalist(dataset, "training", **FEW)
    (dataset / "training/patient003/patient003_frame12.nii.gz").unlink()
    assert len(acdc_datalist(dataset, "training", num_training=25, num_validation=0, num_test=0)) == 49
    (dataset / "testing/patient020/patient020_frame01.nii.gz").unlink()
    with pytest.raises(InputError, match=r"1 labels without a frame: patient020_frame01"):
        acdc_datalist(dataset, "training", **FEW)


def test_a_subject_in_two_folders(dataset):
    add_subject(dataset, 1)
    with pytest.raises(InputError, match="two folders of the subject patient001"):
        acdc_datalist(dataset, "training", **FEW)


def test_subjects_without_groups_and_no_validation(tmp_path):
    for number in range(6):
        add_subject(tmp_path, number, None)
    assert acdc_datalist(tmp_path, "validation", 4, num_validation=0, num_test=2) == []
    assert len(subjects(acdc_datalist(tmp_path, "training", 4, num_validation=0, num_test=2))) == 4


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from("xyz"), max_size=25), st.integers(0, 25))
def test_every_group_has_its_share_up_to_one(groups, count):
    count = min(count, len(groups))
    drawn = balanced_draw(groups, count)
    assert len(set(drawn)) == len(drawn) == count
    sizes, taken = Counter(groups.values()), Counter(groups[name] for name in drawn)
    for group, size in sizes.items():
        assert abs(taken[group] - count * size / len(groups)) <= 1.0
    assert drawn == balanced_draw(dict(reversed(groups.items())), count)


def test_real_acdc(real_data):
    lists = {section: acdc_datalist(real_data / "acdc", section, num_test=25) for section in SECTIONS}
    assert {section: len(items) for section, items in lists.items()} == {"training": 10, "validation": 10, "test": 50}
    assert len(set.union(*map(subjects, lists.values()))) == 35
