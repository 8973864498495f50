"""What every test shares, and the table of what a run of the tests has shown for each bundle.

MONAI and PyTorch are imported where they are used: the process that hands the tests to those of pytest-xdist, which
wait for it, needs neither.
"""

from __future__ import annotations

import gc
import locale
import os
import platform
import random
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from copy import deepcopy
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any
from unittest import mock

import pytest
from hypothesis import settings
from warm_python import BUNDLE_RUN, NewWarmPython, WarmPython

gc.disable()  # until all tests are collected: each pass over the millions of objects of the libraries finds nothing
THREADS = os.environ.setdefault("OMP_NUM_THREADS", "1")  # of child processes too; pytest-xdist fills the cores
settings.register_profile("suite", derandomize=True)  # every run sees the same examples
settings.register_profile("explore", derandomize=False)  # pytest --hypothesis-profile explore
settings.load_profile("suite")

BUNDLES = sorted(path.parents[1].name for path in Path(__file__).parents[1].glob("bundles/*/configs/metadata.json"))
HOSTILE = "hostile cases"
SEED = 0
TESTS = Path(__file__).parent
WARM = pytest.StashKey[NewWarmPython]()
COLUMNS = (
    "zoo acceptance",
    "schema",
    "net in/out",
    "TorchScript",
    "ONNX",
    "torch.export",
    "download and run elsewhere",
    "load from Python",
    "client programs",
    "2-process equality",
    "kill and resume",
    "checking",
    HOSTILE,
)


@cache
def slow_things() -> tuple[object, ...]:
    """What takes long if a test calls it."""
    import monai.bundle as bundle
    from bundle_runs import run_bundle

    return (
        *(subprocess, WarmPython, run_bundle, bundle.run, bundle.ConfigWorkflow, bundle.create_workflow),
        *(bundle.onnx_export, bundle.ckpt_export),
    )


def pytest_collection_finish() -> None:
    """What was imported stays, so that the garbage collector need not look at it again."""
    import torch

    torch.set_num_threads(int(THREADS))
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def same_draws() -> None:
    """What a test draws without a seed of its own is the same in every run and in any order of the tests."""
    import numpy as np
    import torch
    from monai.transforms import Randomizable

    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 - the libraries draw from it
    torch.manual_seed(SEED)
    Randomizable.R.seed(SEED)  # shared by all of MONAI's and our transforms that were given no seed


@pytest.fixture(autouse=True)
def kept_locale() -> Iterator[None]:
    """SimpleITK leaves a process that wrote DICOM with tags of its own in the locale "C", where text is ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """A configuration file is not parsed again as long as it is the same: that takes a tenth of a tiny run."""
    from monai.bundle import ConfigParser

    load = ConfigParser.load_config_file
    parsed = lru_cache(100)(lambda path, content: load(path))

    def loaded(filepath: Any, **options: Any) -> dict:
        known = filepath and not options and Path(filepath).is_file()
        return deepcopy(parsed(filepath, Path(filepath).read_bytes())) if known else load(filepath, **options)

    with mock.patch.object(ConfigParser, "load_config_file", staticmethod(loaded)):
        yield


@pytest.fixture
def real_data() -> Path:
    """The folder of real images, or the test is skipped."""
    folder = os.environ.get("REAL_DATA_DIR", "")
    if not Path(folder or "missing").is_dir():
        pytest.skip(f"REAL_DATA_DIR is {folder!r}, not a folder of real images")
    return Path(folder)


@pytest.fixture(scope="session")
def warm_monai(request: pytest.FixtureRequest) -> Iterator[WarmPython]:
    """Starts processes that need not import MONAI; one interpreter for all processes of pytest-xdist."""
    address = getattr(request.config, "workerinput", {}).get("warm_monai")
    python = WarmPython(address) if address else NewWarmPython()
    yield python
    python.close()


@pytest.fixture(scope="session")
def warm_python(warm_monai: WarmPython) -> Iterator[WarmPython]:
    """Starts commands of bundles as processes that have imported MONAI and what bundles share."""
    python = NewWarmPython(BUNDLE_RUN, parent=warm_monai)
    yield python
    python.close()


@pytest.fixture(scope="session")
def warm_snakemake(warm_monai: WarmPython) -> Iterator[WarmPython]:
    """Starts Snakemake, and the jobs that it starts if it is told `WarmPython.write_command`."""
    python = NewWarmPython(("snakemake.cli", "snakemake.api"), parent=warm_monai)
    yield python
    python.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The process that hands out the tests starts the interpreter of `warm_monai`, unless slow tests are left out."""
    if node.config.getoption("markexpr") == "not slow":
        return
    if WARM not in node.config.stash:
        node.config.stash[WARM] = NewWarmPython()
    node.workerinput["warm_monai"] = node.config.stash[WARM].address


def pytest_unconfigure(config: pytest.Config) -> None:
    if WARM in config.stash:
        config.stash[WARM].close()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--acceptance", metavar="FILE", help="write what was shown for each bundle into this document")
    parser.addoption("--trains-on", metavar="FILE", help="write on what each bundle was trained into this document")
    parser.addoption("--formats", metavar="FILE", help="write what was shown for each file format into this document")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "acceptance(column, bundle): shows what a column of docs/acceptance.md says; bundle: by parameter"
    )
    config.addinivalue_line(
        "markers", "slow: runs or exports a bundle, starts a process, trains; set by itself, see conftest.py"
    )
    config.addinivalue_line("markers", "hostile(bundle): a case of bad input, refused well; bundle: by parameter")
    config.addinivalue_line(
        "markers",
        "file_format(name, column, what): shows what a cell of docs/formats.md says; of a library its name",
    )
    if config.getoption("--acceptance") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(AcceptanceTable(config.getoption("--acceptance")))
    if config.getoption("--trains-on") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(TrainsOnTable(config.getoption("--trains-on")))
    if config.getoption("--formats") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(FormatsTable(config.getoption("--formats")))


@pytest.hookimpl(tryfirst=True)
def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks a test as slow if it or a fixture of it may run or export a bundle, start a process, or train."""
    if isinstance(item, pytest.Function):
        fixtures = [one.func for found in item._fixtureinfo.name2fixturedefs.values() for one in found]
        seen: set[object] = set()
        if any(_is_slow(function, seen) for function in (item.function, *fixtures)):
            item.add_marker("slow")


def _is_slow(function: object, seen: set[object]) -> bool:
    """Whether the function, or one of the tests' own functions that it names, does something slow."""
    if not isinstance(function, FunctionType) or function in seen:
        return False
    seen.add(function)
    names = _names(function.__code__)
    if {"backward", "step"} <= names:
        return True
    used = [function.__globals__[name] for name in names & function.__globals__.keys()]
    if any(value in slow_things() for value in used if isinstance(value, FunctionType | ModuleType | type)):
        return True
    own = [
        value for value in used if isinstance(value, FunctionType) and TESTS in Path(value.__code__.co_filename).parents
    ]
    return any(_is_slow(value, seen) for value in own)


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marks = [(mark.args[0], mark.args[1:]) for mark in item.iter_markers("acceptance")]
        marks += [(HOSTILE, mark.args) for mark in item.iter_markers("hostile")]
        item.user_properties += [("file_format", list(mark.args)) for mark in item.iter_markers("file_format")]
        item.user_properties += [("acceptance", [_bundle(item, bundle), column]) for column, bundle in marks]
        for column, _ in marks:
            if column not in COLUMNS:
                raise pytest.UsageError(f"{item.nodeid}: acceptance has the columns {', '.join(COLUMNS)}, not {column}")


def _bundle(item: pytest.Item, named: tuple[str, ...]) -> str:
    """The bundle that a marker names, or that the test is parametrized with, as a name or a folder."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    found = named[0] if named else parameters.get("bundle")
    if found is None:
        raise pytest.UsageError(f"{item.nodeid}: its marker names no bundle, and it has no parameter bundle")
    return Path(found).name


def insert_table(
    document: str, place: str, header: list[str], rows: list[list[str]], note: str = "", texts: bool = False
) -> None:
    """Writes a table between the markers of a document, of texts with all columns aligned to the left."""
    from benchmarks.report.tables import insert_between_markers
    from common.report.tables import markdown_table

    table = markdown_table(header, rows)
    if texts:
        table = table.replace("---:", ":---")
    insert_between_markers(document, place, f"{table}\n\n{note}" if note else table)


class AcceptanceTable:
    """Gathers the outcomes of marked tests, also those of pytest-xdist's processes, and writes them as a table.

    A cell says yes if all of its tests passed, skipped if they did or were skipped, else **no**; the last column says
    how many cases were refused as they must be. What the run did not select is –.
    """

    def __init__(self, document: str) -> None:
        self.document = document
        self.outcomes: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, value in report.user_properties:
            if kind == "acceptance":
                bundle, column = value  # type: ignore[misc]
                self.outcomes[bundle, column][report.nodeid].add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        others = sorted({bundle for bundle, _ in self.outcomes} - set(BUNDLES))
        rows = [[name, *(self.cell(name, column) for column in COLUMNS)] for name in [*BUNDLES, *others]]
        versions = ", ".join(f"{name} {version(name)}" for name in ("monai", "torch", "onnxruntime"))
        note = f"Python {platform.python_version()}, {versions}, {platform.system()}."
        insert_table(self.document, "acceptance", ["bundle", *COLUMNS], rows, note)

    def cell(self, bundle: str, column: str) -> str:
        tests = self.outcomes.get((bundle, column), {}).values()
        passed = sum(outcomes == {"passed"} for outcomes in tests)
        if column == HOSTILE:
            return str(passed) if passed == len(tests) else f"**{passed} of {len(tests)}**"
        if not tests:
            return "–"
        if passed == len(tests):
            return "yes"
        return "**no**" if any("failed" in outcomes for outcomes in tests) else "skipped"


class TrainsOnTable:
    """Gathers which bundle was trained, resumed, evaluated and used on which kind of data, and writes it as a table."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.outcomes: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, value in report.user_properties:
            if kind == "trains_on" and report.when == "call":
                bundle, data, layout = value  # type: ignore[misc]
                self.outcomes[data, layout][bundle] = "yes" if report.passed else "**no**"

    def pytest_sessionfinish(self) -> None:
        rows = [
            [data, layout, *(found.get(name, "–") for name in BUNDLES)]
            for (data, layout), found in sorted(self.outcomes.items())
        ]
        insert_table(self.document, "trains-on", ["data", "layout", *BUNDLES], rows)


class FormatsTable:
    """Gathers what tests have shown of each file format, and writes it as a table.

    A cell lists what its tests show, libraries with their versions; what failed is bold.
    """

    COLUMNS = ("read", "written", "tested against", "refused")

    def __init__(self, document: str) -> None:
        self.document = document
        self.outcomes: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for kind, value in report.user_properties:
            if kind == "file_format" and (report.when == "call" or not report.passed):
                name, column, what = value  # type: ignore[misc]
                self.outcomes[name, column][what].add(report.outcome)

    def pytest_sessionfinish(self) -> None:
        names = sorted({name for name, _ in self.outcomes}, key=str.lower)
        rows = [[name, *(self.cell(name, column) for column in self.COLUMNS)] for name in names]
        insert_table(self.document, "formats", ["format", *self.COLUMNS], rows, texts=True)

    def cell(self, name: str, column: str) -> str:
        found = self.outcomes.get((name, column), {})
        texts = {f"{what} {version(what)}" if column == "tested against" else what: found[what] for what in found}
        shown = [text if outcomes == {"passed"} else f"**{text}**" for text, outcomes in texts.items()]
        return "; ".join(shown) or "–"
