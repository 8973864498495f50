"""The table of what was shown for each bundle, written by a run of the tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

MARK = re.compile(r'@pytest\.mark\.file_format\(\s*"(.+?)",\s*"(.+?)",\s*"(.+?)"')

TESTS = """
import pytest

@pytest.fixture(params=["t_loss", "bwcr"])
def bundle(request):
    return request.param

@pytest.mark.acceptance("ONNX")
@pytest.mark.parametrize("again", [0, 1])
def test_one(bundle, again):
    assert bundle == "t_loss" or not again

@pytest.mark.acceptance("schema", "bwcr")
def test_two():
    pytest.skip("no schema")

@pytest.mark.hostile
def test_three(bundle):
    pass

@pytest.mark.hostile("commands")
@pytest.mark.parametrize("case", [0, 1])
def test_four(case):
    assert case

def test_unmarked():
    assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    for bundle in ("t_loss", "bwcr"):
        path = pytester.path.parent / "bundles" / bundle / "configs/metadata.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (pytester.path / "table.md").write_text("<!-- results:acceptance -->\n<!-- /results:acceptance -->\n")
    return pytester


def test_table(suite: pytest.Pytester) -> None:
    suite.makepyfile(TESTS)
    suite.runpytest_inprocess("--acceptance", "table.md").assert_outcomes(passed=6, failed=3, skipped=1)
    header, _, *rows = (suite.path / "table.md").read_text(encoding="utf-8").splitlines()[2:7]
    cells = {line.split(" | ")[0].strip("| "): line.strip("| ").split(" | ") for line in [header, *rows]}
    columns = [cells["bundle"].index(name) for name in ("schema", "ONNX", "checking", "hostile cases")]
    shown = {name: [row[column] for column in columns] for name, row in cells.items() if name != "bundle"}
    assert shown == {
        "bwcr": ["skipped", "**no**", "–", "1"],
        "t_loss": ["–", "yes", "–", "1"],
        "commands": ["–", "–", "–", "**1 of 2**"],
    }


FORMATS = """
import pytest

@pytest.mark.file_format("B", "tested against", "pytest")
@pytest.mark.file_format("a", "read", "masks")
def test_one():
    pass

@pytest.mark.file_format("a", "read", "masks")
@pytest.mark.file_format("a", "refused", "lines")
def test_two():
    assert False
"""


def test_table_of_formats(suite: pytest.Pytester) -> None:
    suite.makepyfile(FORMATS)
    table = suite.path / "formats.md"
    table.write_text("<!-- results:formats -->\n<!-- /results:formats -->\n")
    suite.runpytest_inprocess("--formats", "formats.md").assert_outcomes(passed=1, failed=1)
    _, _, *rows = table.read_text(encoding="utf-8").splitlines()[2:6]
    assert rows == [
        "| a | **masks** | – | – | **lines** |",
        f"| B | – | – | pytest {pytest.__version__} | – |",
    ]


def test_the_page_of_formats_says_what_the_tests_show() -> None:
    """`make formats` was run after the last change of a marker."""
    tests = Path(__file__).parent / "common/formats"
    text = Path(__file__).parents[1].joinpath("docs/formats.md").read_text(encoding="utf-8")
    marks = [mark for path in sorted(tests.glob("test_*.py")) for mark in MARK.findall(path.read_text("utf-8"))]
    rows = {row.split(" | ")[0][2:]: row for row in text.splitlines() if row.startswith("| ")}
    assert len(marks) > 30 and not [mark for mark in marks if mark[2] not in rows.get(mark[0], "")]


@pytest.mark.parametrize(
    ("mark", "message"),
    [('acceptance("color", "bwcr")', "acceptance has the columns"), ("hostile", "names no bundle")],
)
def test_mistakes(suite: pytest.Pytester, mark: str, message: str) -> None:
    suite.makepyfile(f"import pytest\n@pytest.mark.{mark}\ndef test_one():\n    pass")
    result = suite.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(f"*{message}*")
