"""Parts of tables whose rows are by way of labeling."""

import pytest

from benchmarks.table_rows import chosen_rows

ROWS = {"dense": ["mean", "majority"], "one": ["mean"]}
KNOWN = {"mean", "majority", "staple"}


def test_rows_by_way_of_labeling_as_a_list_or_all() -> None:
    assert chosen_rows(ROWS, None, KNOWN) == ROWS
    assert chosen_rows(ROWS, {"one": ["mean"]}, KNOWN) == {"one": ["mean"]}
    assert chosen_rows(ROWS, ["majority", "mean", "staple"], KNOWN) == {"dense": ["majority", "mean"], "one": ["mean"]}


def test_rows_of_another_table_are_none_and_a_typo_is_named() -> None:
    assert chosen_rows(ROWS, ["soft_bce"], KNOWN) == {"dense": [], "one": []}
    with pytest.raises(ValueError, match="expected some of majority, mean, staple, got maen"):
        chosen_rows(ROWS, ["mean", "maen"], KNOWN)
