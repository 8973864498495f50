"""Imports inside `common` run downward only."""

import ast
from pathlib import Path

import pytest

COMMON = Path(__file__).parents[1] / "common"
FLOORS = [
    "commands",  # python -m common.<verb>
    "workflow",
    "report",
    "data",
    "transforms",
    "networks",
    "losses",
    "metrics",
    "noise",
    "fusion",
    "decision",
    "ground",  # errors, files
]
GROUND = {"errors", "files"}


def floor_of(module: str) -> str:
    """The floor of ``common.a.b``."""
    name = module.split(".")[1] if "." in module else "errors"
    if name in GROUND:
        return "ground"
    return name if name in FLOORS else "commands"


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "common"}


@pytest.mark.parametrize("path", sorted(COMMON.rglob("*.py")), ids=lambda path: str(path.relative_to(COMMON)))
def test_imports_run_downward(path):
    parts = path.relative_to(COMMON.parent).with_suffix("").parts
    own = floor_of(".".join(parts))
    for name in imports(path):
        if path == COMMON / "__init__.py":
            assert floor_of(name) == "ground"
        else:
            assert FLOORS.index(floor_of(name)) >= FLOORS.index(own), f"{path} ({own}) imports {name}"


def test_every_folder_is_a_floor():
    folders = {path.parent.name for path in COMMON.glob("*/__init__.py")}
    assert folders <= set(FLOORS)
