"""Splits: what decides, which cases it chooses, and no subject in two sections."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from dataset_files import touch
from hypothesis import given, settings
from hypothesis import strategies as st

from common.datasets import read_dataset, split_dataset
from common.datasets.dataset import Dataset
from common.datasets.split import Split
from common.errors import InputError


def dataset(*items: dict[str, Any], **known: Any) -> Dataset:
    complete = [{"subject": item["case"], "image": item["case"], "label": item["case"], **item} for item in items]
    return Dataset("plain", Path("/data"), tuple(complete), **known)


def named(names: Iterable[str], **known: Any) -> list[dict[str, Any]]:
    return [{"case": name, **known} for name in names]


def cases(split: Split) -> list[list[str]]:
    return [[item["case"] for item in part] for part in (split.training, split.validation, split.test)]


def dealt(names: Sequence[str], fold: int, num_folds: int, seed: int = 0) -> list[list[str]]:
    """Training and validation cases of a fold: the names in the order of their hashes, dealt in turn."""
    ordered = sorted(names, key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).digest())
    tested = ordered[fold::num_folds]
    return [sorted(set(names) - set(tested)), sorted(tested)]


def test_folds_are_a_partition_of_near_equal_parts():
    names = [f"case_{i:02}" for i in range(23)]
    splits = [split_dataset(dataset(*named(names)), fold=fold) for fold in range(5)]
    parts = [cases(split)[1] for split in splits]
    assert sorted(case for part in parts for case in part) == names
    assert {len(part) for part in parts} == {4, 5}
    assert [cases(split)[0] for split in splits] == [sorted(set(names) - set(part)) for part in parts]
    assert cases(split_dataset(dataset(*named(names)), seed=1, fold=0))[1] != parts[0]


def test_sections_are_the_folders_of_plain_data_or_drawn_from_them(tmp_path):
    folders = ("images", "AR", "HS")
    own = {"train": "abcdef", "val": "gh", "test": "ij"}
    touch(tmp_path, *(f"own/{part}/{folder}/{name}.png" for part in own for folder in folders for name in own[part]))
    assert cases(split_dataset(read_dataset(tmp_path / "own"))) == [list(names) for names in own.values()]
    touch(tmp_path, *(f"one/{folder}/{name}.png" for folder in folders for name in "abcdefghij"))
    found = read_dataset(tmp_path / "one")
    split = split_dataset(found)
    assert [len(part) for part in cases(split)] == [7, 1, 2]
    assert cases(split) != cases(split_dataset(found, seed=1))
    assert len(split_dataset(found, fractions=(0.5, 0.0, 0.5)).test) == 5
    assert split.training[0]["annotators"] == {
        name: str(tmp_path / f"one/{name}/{split.training[0]['case']}.png") for name in ("AR", "HS")
    }


def test_what_decides(tmp_path):
    items = [*named("abcdef", fold=0), *named("ghij", fold=1), *named("kl", section="test")]
    found = dataset(*items)
    assert cases(split_dataset(found, fold=1)) == [list("abcdef"), list("ghij"), ["k", "l"]]
    with pytest.raises(InputError, match="has the folds 0, 1, got 2"):
        split_dataset(found, fold=2)
    own = dataset(*named("abcdefgh", section="training"), *named("ij", section="test"))
    split = split_dataset(own, counts=(1, 1, 1))
    assert [len(part) for part in cases(split)] == [7, 1, 2]
    assert "own sections" in split.origin and "counts was not used" in split.origin
    split = split_dataset(own, fold=1, num_folds=4)
    assert cases(split) == [*dealt("abcdefgh", 1, 4), ["i", "j"]]
    both = dataset(
        *named("abcdef", section="training"), *named("gh", section="validation"), *named("ij", section="test")
    )
    assert cases(split_dataset(both)) == [list("abcdef"), list("gh"), list("ij")]
    split = split_dataset(both, fold=1, num_folds=4)  # a fold chooses another split than that of the sections
    assert cases(split) == [*dealt("abcdefgh", 1, 4), ["i", "j"]]
    assert split.origin == (
        "The data set's own sections. Of its training and validation cases fold 1 of 4 validates (seed 0)."
    )
    path = tmp_path / "splits_final.json"
    path.write_text(json.dumps([{"train": ["a", "b"], "val": ["c"]}]))
    split = split_dataset(own, fold=0, file=path)
    assert cases(split) == [["a", "b"], ["c"], ["i", "j"]]
    assert "Not named there and not used: 5 cases." in split.origin
    folds = dataset(*named("abc"), folds=({"train": ["a"], "val": ["b"]},))
    assert cases(split_dataset(folds, fold=0))[:2] == [["a"], ["b"]]
    assert len(split_dataset(folds).training) == 1  # by the fractions: no fold was asked for


@pytest.mark.parametrize(
    ("content", "fold", "message"),
    [
        ("[", None, "cannot be read as a split"),
        ("[]", None, "choose one by fold"),
        ('[{"train": [], "val": []}]', 1, "holds the folds 0 to 0, got 1"),
        ('[{"train": []}]', 0, "for each fold"),
        ('{"training": ["a"], "validation": ["z"]}', None, "does not hold: z"),
        ('{"training": ["a", "b"], "validation": ["b"]}', None, "b would be in two sections"),
        ('{"training": [3]}', None, "lists of case names"),
        ('{"folds": []}', None, "must hold"),
        ('{"training": ["a"], "test": ["b"]}', None, "the subject s is in training and in test"),
    ],
)
def test_a_file_that_cannot_be_followed(tmp_path, content, fold, message):
    (tmp_path / "split.json").write_text(content)
    items = [{"case": name, "subject": "s" if name in "ab" else name} for name in "abc"]
    with pytest.raises(InputError, match=message):
        split_dataset(dataset(*items), fold=fold, file=tmp_path / "split.json")


def test_folds_are_read_as_nnunet_writes_them(tmp_path):
    found = dataset(*named("abcdefg"))
    splits = [split_dataset(found, fold=fold, num_folds=3) for fold in range(3)]
    path = tmp_path / "splits_final.json"
    content = [dict(zip(("train", "val"), cases(split), strict=False)) for split in splits]
    path.write_text(json.dumps(content))
    assert [cases(split_dataset(found, fold=fold, file=path)) for fold in range(3)] == list(map(cases, splits))


def test_arguments_out_of_range():
    found = dataset(*named("abc"))
    with pytest.raises(InputError, match="three shares"):
        split_dataset(found, fractions=(1, 1, 1))
    with pytest.raises(InputError, match="num_folds: expected a whole number from 2 up, got 0"):
        split_dataset(found, num_folds=0)  # also without a fold
    with pytest.raises(InputError, match="num_folds: expected 2 to 3"):
        split_dataset(found, fold=0)
    with pytest.raises(InputError, match="at least two subjects that are dealt to folds, got 1"):
        split_dataset(dataset(*named("a")), fold=0)
    with pytest.raises(InputError, match="fold: expected 0 to 1"):
        split_dataset(found, fold=2, num_folds=2)
    with pytest.raises(InputError, match="fold: expected a whole number from 0 up, got -1"):
        split_dataset(found, fold=-1)
    with pytest.raises(InputError, match="holds 3 subjects"):
        split_dataset(found, counts=(2, 1, 1))
    for counts in ((1, 2), {"train": 1}, (1.5, 1, 0)):
        with pytest.raises(InputError, match="counts: expected whole numbers"):
            split_dataset(found, counts=counts)


@st.composite
def data_sets(draw):
    subjects = draw(st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=4, max_size=12, unique=True))
    sections = draw(st.sampled_from([None, ["training", "test"]]))
    items = []
    for index, subject in enumerate(subjects):
        section = {"section": sections[index % 2]} if sections else {}
        stratum = {"stratum": draw(st.sampled_from("xy"))} if draw(st.booleans()) else {}
        labeled = {"label": "m"} if index < 5 or draw(st.booleans()) else {"annotators": {"AR": "m"}}
        for scan in range(draw(st.integers(1, 3))):
            items.append(
                {"case": f"{subject}_{scan}", "subject": subject, "image": "i", **section, **stratum, **labeled}
            )
    return Dataset("plain", Path("/data"), tuple(sorted(items, key=lambda item: item["case"])))


@settings(max_examples=60, deadline=None)
@given(data_sets(), st.integers(0, 3), st.sampled_from([{}, {"fold": 1, "num_folds": 2}, {"counts": (1, 1, 1)}]))
def test_no_subject_is_in_two_sections(found, seed, how):
    split = split_dataset(found, seed, **how)
    parts = [{item["subject"] for item in part} for part in (split.training, split.validation, split.test)]
    assert sum(map(len, parts)) == len(set().union(*parts))
    again = Dataset("plain", Path("/data"), found.items[::-1])
    assert cases(split_dataset(again, seed, **how)) == cases(split)
    if "counts" not in how:
        assert sum(map(len, cases(split))) == len(found.items)


def test_visits_that_nothing_calls_those_of_one_patient_are_said() -> None:
    """Two visits of a patient in two sections are a leak, of which names alone give a hint."""
    names = [f"{patient:03d}_V{visit}" for patient in range(6) for visit in (1, 2)]
    split = split_dataset(dataset(*named(names)), fold=0, num_folds=4)
    training, validation = (set(part) for part in cases(split)[:2])
    divided = [name[:3] for name in sorted(training) if {name[:4] + visit for visit in ("V1", "V2")} & validation]
    assert divided and f"{len(set(divided)) - 1} more such pair" in split.origin
    assert "are in different sections; if they are of one patient, say so by subject_pattern" in split.origin

    patients = [{"case": name, "subject": name[:3]} for name in names]
    for silent in (patients, named(f"heart_{k:03d}" for k in range(12)), named(f"A_{k:03d}_0" for k in range(12))):
        assert "subject_pattern" not in split_dataset(dataset(*silent), fold=0, num_folds=4).origin


def test_strata_are_balanced_on_request():
    found = dataset(*[{"case": f"{k:02}", "stratum": "rare" if k % 5 == 0 else "usual"} for k in range(20)])
    for how in ({"fold": 0, "num_folds": 4}, {"fractions": (0.5, 0.25, 0.25)}):
        split = split_dataset(found, **how)
        assert sum(item["stratum"] == "rare" for item in split.validation) == 1
    plain = split_dataset(found, fold=0, num_folds=4, stratify=False)
    assert cases(plain)[1] == dealt([item["case"] for item in found.items], 0, 4)[1]


def test_what_has_regions_alone_is_in_no_fold_and_trains_in_all() -> None:
    """As in the layout oai, in which not every case has a ground truth: there would be nothing to compare with."""
    regions = [
        {"case": f"{name}{k}", "subject": name, "image": "i", "regions": ("r",)} for name in "abcd" for k in "12"
    ]
    items = [item | {"label": "t"} for item in regions if item["case"] in ("a1", "b1", "b2", "c2")]
    items += [item for item in regions if item["case"] not in ("a1", "b1", "b2", "c2")]
    items.append({"case": "e1", "subject": "e", "image": "i", "regions": ()})  # which nobody rated
    splits = [split_dataset(Dataset("oai", Path("/data"), tuple(items)), fold=k, num_folds=3) for k in range(3)]
    assert sorted(item["case"] for split in splits for item in split.validation) == ["a1", "b1", "b2", "c2"]
    for split in splits:
        trained = {item["subject"] for item in split.training}
        assert trained == set("abcd") - {item["subject"] for item in split.validation}
