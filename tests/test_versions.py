"""Version numbers stand in pyproject.toml; every other place repeats them."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

import common

REPOSITORY = Path(__file__).resolve().parents[1]
METADATA = sorted(REPOSITORY.glob("bundles/*/configs/metadata.json"))
NAMES = {"monai_version": "monai", "pytorch_version": "torch", "numpy_version": "numpy"}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def pins(project: dict) -> dict[str, str]:
    return dict(dependency.split("==") for dependency in project["dependencies"])


def test_pins_are_exact(pins: dict[str, str]) -> None:
    assert all(re.fullmatch(r"\d+(\.\d+)+", version) for version in pins.values()), pins


def test_requirements(project: dict) -> None:
    lines = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [*project["dependencies"], "-e ."]


def test_package(project: dict) -> None:
    assert common.__version__ == project["version"]


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
