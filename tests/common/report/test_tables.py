from __future__ import annotations

import pytest

from common.errors import InputError
from common.report import markdown_table


def test_markdown_table() -> None:
    lines = markdown_table(["a|b", "c"], [["x\ny", 1]]).splitlines()
    assert lines == [r"| a\|b | c |", "| :--- | ---: |", "| x y | 1 |"]
    assert markdown_table(["a"], []) == "| a |\n| :--- |"
    with pytest.raises(InputError, match=r"2 cells.*got 1"):
        markdown_table(["a", "b"], [["alone"]])
