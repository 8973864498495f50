"""Cases that a program puts into a configuration are the data set of its training, whatever else is configured."""

from __future__ import annotations

from typing import Any

import pytest
from monai.bundle import ConfigParser

from common.datasets import Dataset, Split, annotated, dataset_of_items, split_dataset
from common.errors import InputError
from common.workflow.given_items import take_given_items

GIVEN = [{"image": f"/server/{name}.nii.gz", "label": f"/server/labels/{name}.nii.gz"} for name in "abcd"]


def own_split() -> Split:
    return Split([{"case": "own_1"}], [{"case": "own_2"}], [{"case": "own_3"}], "As ever.")


def parser_of(training: Any, validation: Any, data: dict[str, Any]) -> ConfigParser:
    """Of a training whose own data set cannot be read."""
    sections = {"train": {"dataset": {"data": training}}, "validate": {"dataset": {"data": validation}}}
    split: dict[str, Any] = {"_target_": "common.datasets.split_dataset", "dataset": "@data"}
    if not isinstance(validation, list):
        split = {"_target_": f"{__name__}.own_split"}
    parser = ConfigParser({"data": data, "split": split, **sections})
    parser.parse()
    return parser


OWN = {"_target_": "common.datasets.read_dataset", "dataset_dir": "/nowhere"}


def test_the_data_set_of_the_configuration_is_not_read() -> None:
    parser = parser_of(GIVEN[:3], GIVEN[3:], OWN)
    take_given_items(parser)
    split = parser.get_parsed_content("split")
    assert [item["case"] for item in split.training] == ["a", "b", "c"]
    assert [item["case"] for item in split.validation] == ["d"] and not split.test
    assert parser.get_parsed_content("train#dataset#data") == GIVEN[:3], "the program's items themselves"


def test_validation_stays_with_the_own_cases_where_the_training_is_given_alone() -> None:
    parser = parser_of(GIVEN, "$@split.validation", OWN)
    take_given_items(parser)
    split = parser.get_parsed_content("split")
    assert [item["case"] for item in split.training] == ["a", "b", "c", "d"]
    assert parser.get_parsed_content("validate#dataset#data") == split.validation == [{"case": "own_2"}]


def test_a_configuration_without_given_cases_stays_as_it_is() -> None:
    parser = parser_of("$@split.training", "$@split.validation", OWN)
    before = str(parser.get())
    take_given_items(parser)
    assert str(parser.get()) == before


def test_a_network_that_learns_from_annotators_refuses_one_label_for_each_case() -> None:
    data = {"_target_": "common.datasets.annotated", "dataset": OWN}
    parser = parser_of(GIVEN[:3], GIVEN[3:], data)
    take_given_items(parser)
    with pytest.raises(Exception) as refused:
        parser.get_parsed_content("data")
    assert "expected items with the labels of annotators" in str(refused.value.__cause__)
    with pytest.raises(InputError, match="expected items with the labels of annotators"):
        annotated(dataset_of_items(GIVEN))


def test_names_are_unique_and_those_that_are_given_stay() -> None:
    items = [{"image": f"/data/{folder}/scan.png"} for folder in "pq"] + [{"image": ["/data/c_0.png"], "case": "c"}]
    found = dataset_of_items(items, [{"image": "/data/p/other.png", "subject": "x"}])
    assert isinstance(found, Dataset) and found.cases == ("c", "other", "p/scan", "q/scan")
    assert [item["subject"] for item in found.items] == ["c", "x", "p/scan", "q/scan"]
    assert len(split_dataset(found).training) == 3
    assert dataset_of_items([]).cases == ()
