"""Changes of measures between two evaluations of the same networks, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.compare_evaluations import compare
from common.errors import InputError


def evaluation(folder: Path, **dice: float) -> str:
    (folder / "evaluation").mkdir(parents=True)
    rows = "".join(f"{case},{value}\n" for case, value in dice.items())
    (folder / "evaluation/summary.csv").write_text(f"case,dice\n{rows}", encoding="utf-8")
    return str(folder)


def test_changes_are_of_cases_over_the_networks(tmp_path: Path) -> None:
    """Cases change by 0.2 and 0.1 with one network, by 0 and 0.1 with the other: by 0.1 and 0.1 on average."""
    first = [evaluation(tmp_path / "0", a=0.5, b=0.7), evaluation(tmp_path / "1", a=0.6, b=0.8)]
    then = [evaluation(tmp_path / "2", b=0.8, a=0.7), evaluation(tmp_path / "3", a=0.6, b=0.9)]
    assert compare(first, then, ["dice"]).splitlines()[-1] == "| dice | 0.6500 | +0.1000 ± 0.0000 |"
    assert compare(first[:1], then[:1], ["dice"]).splitlines()[-1] == "| dice | 0.6000 | +0.1500 ± 0.0354 |"


def test_what_cannot_be_compared_is_named(tmp_path: Path) -> None:
    first, other = evaluation(tmp_path / "0", a=0.5), evaluation(tmp_path / "1", c=0.5)
    with pytest.raises(InputError, match=r"1: expected the 1 cases of .*0, got 1 others"):
        compare([first], [other], ["dice"])
    with pytest.raises(InputError, match=r"summary\.csv must have rows with the columns case, tace; it lacks tace"):
        compare([first], [first], ["tace"])
