"""docs/papers.md has every part of every paper, and names nothing that does not exist."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
TEXT = (REPOSITORY / "docs/papers.md").read_text(encoding="utf-8")
SECTIONS = dict(part.split("\n", 1) for part in TEXT.split("\n## ")[1:])
PARTS = {  # how many of each the paper numbers
    "T-Loss": {"Equation": 4, "Table": 2, "Figure": 2},
    "Marginal thresholding": {"Equation": 22, "Theorem": 3, "Listing": 3, "Table": 1, "Figure": 3},
    "Disentangling annotators": {"Equation": 4, "Theorem": 2, "Algorithm": 3, "Table": 6, "Figure": 8},
    "Soft labels": {"Equation": 4, "Figure": 2},
    "Boundary-weighted consistency": {"Equation": 3, "Table": 2, "Figure": 4},
}


def rows(section: str) -> list[str]:
    """The first cells of a section's table."""
    return [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][2:]


def numbered(cells: list[str], kind: str) -> set[int]:
    """The numbers of a kind in all cells: Equation 1, Equations 1 and 2, Equations 5 to 8."""
    found: set[int] = set()
    for cell in cells:
        for first, joined, last in re.findall(rf"{kind}s? (\d+)(?: (and|to) (\d+))?", cell):
            found |= set(range(int(first), int(last) + 1)) if joined == "to" else {int(first), int(last or first)}
    return found


@pytest.mark.parametrize("paper", PARTS)
def test_no_part_is_left_out(paper: str) -> None:
    cells = rows(SECTIONS[paper])
    for kind, count in PARTS[paper].items():
        assert numbered(cells, kind) >= set(range(1, count + 1)), kind
    assert paper != "Soft labels" or "Table I" in cells


def test_every_paper_has_its_section() -> None:
    assert list(SECTIONS) == list(PARTS)


NAMES = sorted(set(re.findall(r"`((?:common|benchmarks)\.[\w.]+)`", TEXT)))


@pytest.mark.parametrize("name", NAMES)
def test_names_exist(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)`", TEXT))))
def test_files_exist(file: str) -> None:
    assert (REPOSITORY / file).is_file()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(\w+\.yaml)`", TEXT))))
def test_configurations_exist(name: str) -> None:
    assert list(REPOSITORY.glob(f"bundles/*/configs/{name}"))


def test_rules_exist() -> None:
    rules = "\n".join(path.read_text(encoding="utf-8") for path in REPOSITORY.glob("benchmarks/*.smk"))
    prefixes = "t_loss|marginal_thresholding|disentangling_annotators|soft_label_apl|bwcr"
    tables = set(re.findall(rf"`((?:{prefixes})_\w+)`(?! \((?:desk|paper)\))", TEXT))
    assert len(tables) > 8
    assert [name for name in sorted(tables) if f'"{name}"' not in rules and f"rule {name}:" not in rules] == []


def test_measurements_have_results_of_that_scale() -> None:
    measured = re.findall(r"`(\w+)` \((desk|paper)\)", TEXT)
    assert len(measured) > 10
    for name, scale in measured:
        results = json.loads((REPOSITORY / f"docs/results/{name}.json").read_text(encoding="utf-8"))
        assert results["scale"] == scale, name


def test_all_results_are_named() -> None:
    """Of the papers; the same runs against clean labels, or with one label, need no name of their own."""
    named, found = (
        {re.sub("_(clean|one|dense)$", "", name) for name in names}
        for names in (
            re.findall(r"`(\w+)` \((?:desk|paper)\)", TEXT),
            [path.stem for path in (REPOSITORY / "docs/results").glob("*.json")],
        )
    )
    own = {"atlas", "label_audit", "inference_volume", "inference_volume_large", "plan_or_overlay", "gpu"}
    own |= {"speed_inference", "speed_training", "speed_growth", "windows", "training_bfloat16"}
    assert found - named <= own, "of no paper"
