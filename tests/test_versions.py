"""requirements.txt pins versions; ranges in pyproject.toml hold them, and every other place repeats them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import common

REPOSITORY = Path(__file__).resolve().parents[1]
METADATA = sorted(REPOSITORY.glob("bundles/*/configs/metadata.json"))
NAMES = {"monai_version": "monai", "pytorch_version": "torch", "numpy_version": "numpy"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins() -> dict[str, str]:
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines.pop() == "-e ."
    return dict(line.split("==") for line in lines)


def test_pins_are_exact(pins: dict[str, str]) -> None:
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in pins.values()), pins


def test_ranges_hold_the_pins_and_end_on_both_sides(project: dict, pins: dict[str, str]) -> None:
    ranges = {found.name: found.specifier for found in map(Requirement, project["dependencies"])}
    assert list(ranges) == list(pins)
    for name, specifier in ranges.items():
        assert sorted(bound.operator for bound in specifier) == ["<", ">="], name
        assert pins[name] in specifier, name


def test_package(project: dict) -> None:
    assert common.__version__ == project["version"]


def test_citation(project: dict) -> None:
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", text, re.MULTILINE) == [project["version"]]


def test_changelog_names_the_version(project: dict) -> None:
    headings = re.findall(r"^## (\S+)", (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert project["version"] in headings


@pytest.mark.parametrize("path", METADATA, ids=lambda path: path.parents[1].name)
def test_metadata(path: Path, pins: dict[str, str]) -> None:
    metadata = json.loads(path.read_text(encoding="utf-8"))
    stated = {name: metadata[key] for key, name in NAMES.items()} | metadata["required_packages_version"]
    assert stated == {name: pins.get(name) for name in stated}
    assert pins.keys() == stated.keys(), "the zip's only list of what it needs"


def test_what_a_receiver_installs(pins: dict[str, str]) -> None:
    text = (REPOSITORY / "docs/sharing.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"^python -m pip install (.*?) *#", text, re.MULTILINE)
    assert listed.split() == list(pins)
