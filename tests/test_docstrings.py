"""How much of what a docstring must say is said, by room of `common`: it may not become less.

``python tests/test_docstrings.py`` prints the table.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

COMMON = Path(__file__).parents[1] / "common"
MEASURES = ("first line", "Args", "Returns", "Raises", "Example")

# The least percent of each measure. Raise a number when a room is better documented; never lower one.
LEAST = {
    "audit": (100, 100, 100, 100, 82),
    "checking": (100, 100, 100, 100, 100),
    "commands": (100, 100, 100, 100, 83),
    "consensus": (100, 100, 100, 100, 81),
    "datasets": (100, 100, 100, 100, 88),
    "decision": (100, 100, 100, 100, 100),
    "formats": (100, 100, 100, 100, 84),
    "fusion": (100, 100, 100, 100, 90),
    "io": (100, 100, 100, 100, 84),
    "losses": (100, 100, 100, 100, 100),
    "methods": (100, 100, 100, 100, 92),
    "metrics": (100, 100, 100, 100, 90),
    "networks": (100, 100, 100, 100, 100),
    "noise": (100, 100, 100, 100, 100),
    "phantoms": (100, 100, 100, 100, 100),
    "report": (100, 100, 100, 100, 100),
    "transforms": (100, 100, 100, 100, 82),
    "workflow": (100, 100, 100, 100, 86),
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def section(docstring: str, *names: str) -> str | None:
    """The text of a Google-style section, or None."""
    found = re.search(rf"^(?:{'|'.join(names)}):[ ]*\n?(.*?)(?=^\S|\Z)", docstring, re.DOTALL | re.MULTILINE)
    return found[1] if found else None


def documented(docstring: str) -> set[str]:
    """The arguments that a docstring names; ``a, b: …`` names two."""
    text = (section(docstring, "Args") or "") + (section(docstring, "Attributes") or "")
    lines = re.findall(r"^ {4}([*\w][*\w, ]*)(?: \([^)]*\))?:", text, re.MULTILINE)
    return {name.strip("* ") for line in lines for name in line.split(",")}


def parameters(function: Function) -> set[str]:
    found = function.args
    names = [
        item.arg for item in (*found.posonlyargs, *found.args, *found.kwonlyargs, found.vararg, found.kwarg) if item
    ]
    return {name for name in names if name not in ("self", "cls") and not name.startswith("_")}


def fields(node: ast.ClassDef) -> set[str]:
    """The arguments of a dataclass or named tuple."""
    return {
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name) and not item.target.id.startswith("_")
    }


def returns(function: Function) -> bool:
    annotation = ast.unparse(function.returns) if function.returns else "None"
    return annotation not in ("None", "NoReturn") and not annotation.startswith(("Iterator", "Generator"))


def raises(node: ast.AST) -> bool:
    return any(isinstance(child, ast.Raise) and child.exc for child in ast.walk(node))


def examine(node: Function | ast.ClassDef, inside: bool = False) -> Iterator[tuple[str, bool]]:
    """Each measure that applies to a name, and whether its docstring holds it."""
    docstring = ast.get_docstring(node) or ""
    first = docstring.split("\n\n")[0].strip()
    yield "first line", bool(re.fullmatch(r"[^a-z\s].*\.", first, re.DOTALL)) and "\n" not in first
    if not inside:
        yield "Example", section(docstring, "Example", "Examples") is not None
    if isinstance(node, ast.ClassDef):
        methods = [item for item in node.body if isinstance(item, Function)]
        starts = [item for item in methods if item.name == "__init__"]
        wanted = parameters(starts[0]) if starts else fields(node)
        if wanted:
            own = documented(docstring) | documented((ast.get_docstring(starts[0]) or "") if starts else "")
            yield "Args", wanted <= own
        if starts and raises(starts[0]):
            yield "Raises", section(docstring + "\n" + (ast.get_docstring(starts[0]) or ""), "Raises") is not None
        for item in methods:
            if not item.name.startswith("_") and ast.get_docstring(item):
                yield from examine(item, inside=True)
        return
    if wanted := parameters(node):
        yield "Args", wanted <= documented(docstring)
    if returns(node):
        yield "Returns", section(docstring, "Returns", "Yields") is not None
    if raises(node):
        yield "Raises", section(docstring, "Raises") is not None


def public_names() -> Iterator[tuple[str, Function | ast.ClassDef]]:
    """What the rooms export, and the functions that are commands."""
    for stub in sorted(COMMON.glob("*/__init__.pyi")):
        for line in ast.parse(stub.read_text(encoding="utf-8")).body:
            if isinstance(line, ast.ImportFrom):
                tree = ast.parse((stub.parent / f"{str(line.module).replace('.', '/')}.py").read_text(encoding="utf-8"))
                exported = {alias.name for alias in line.names}
                for node in tree.body:
                    if isinstance(node, Function | ast.ClassDef) and node.name in exported:
                        yield stub.parent.name, node
    for path in sorted(COMMON.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
                yield "commands", node


@cache
def counts() -> Mapping[str, Mapping[str, list[bool]]]:
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for room, node in public_names():
        for measure, held in examine(node):
            found[room][measure].append(held)
    return found


def percent(room: str, measure: str) -> int:
    held = counts()[room][measure]
    return 100 * sum(held) // len(held) if held else 100


def table() -> str:
    lines = ["| room | names | " + " | ".join(MEASURES) + " |", "| :--- " + "| ---: " * (len(MEASURES) + 1) + "|"]
    for room in sorted(counts()):
        shown = [f"{percent(room, measure)} %" for measure in MEASURES]
        lines.append(f"| {room} | {len(counts()[room]['Example'])} | {' | '.join(shown)} |")
    return "\n".join(lines)


def test_every_room_has_its_least() -> None:
    assert set(LEAST) == set(counts())


@pytest.mark.parametrize("room", sorted(LEAST))
def test_docstrings_say_no_less(room: str) -> None:
    shown = {measure: percent(room, measure) for measure in MEASURES}
    least = dict(zip(MEASURES, LEAST[room], strict=True))
    worse = {measure: (shown[measure], least[measure]) for measure in MEASURES if shown[measure] < least[measure]}
    assert not worse, f"common.{room} (percent now, and at least): {worse}"


SAMPLE = '''
def scaled(image, factor, *, clip=False) -> int:
    """{first}

    Args:
        image, factor: both of them.
        {clip}

    Returns:
        A number.
    """
    raise ValueError("x")
'''


@pytest.mark.parametrize(
    ("first", "clip", "held"),
    [
        ("The image.", "clip: whether.", {"first line": True, "Args": True}),
        ("no sentence", "clip: whether.", {"first line": False, "Args": True}),
        ("The image.", "", {"first line": True, "Args": False}),
    ],
)
def test_what_is_missing_is_found(first: str, clip: str, held: dict[str, bool]) -> None:
    (node,) = ast.parse(SAMPLE.format(first=first, clip=clip)).body
    assert dict(examine(node)) == held | {"Example": False, "Returns": True, "Raises": False}  # type: ignore[arg-type]


if __name__ == "__main__":
    print(table())
    if "--least" in sys.argv:
        for room in sorted(counts()):
            print(f'    "{room}": {tuple(percent(room, measure) for measure in MEASURES)},')
