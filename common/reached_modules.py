"""Which files of `common` a bundle reaches, found from its configurations and pages and from the imports of modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from common.errors import InputError

__all__ = ["reached_files"]

COMMON = Path(__file__).resolve().parent
NAME = re.compile(r"\bcommon(?:\.\w+)++(?! import\b)")
IMPORT = re.compile(r"\bfrom (common(?:\.\w+)*) import (\w+(?:, \w+)*)")


def reached_files(texts: dict[str, str], common: Path = COMMON) -> set[Path]:
    """The files of `common` that a bundle needs: what its texts name, and whatever these modules import.

    A name is ``common.room.Name`` anywhere in a text (``_target_``, an expression, a command in a comment or on a page)
    or stands in ``from common.room import Name``. Names that a room exports lazily lead to their module by the room's
    ``__init__.pyi``. The imports of a module count wherever they stand in it, and so does text that is such a name
    or, as ``f"common.room.{name}"``, may be the name of any module of a room.

    Args:
        texts: configurations and pages by name, the name being used in messages.
        common: folder of the package.

    Returns:
        Paths below ``common``.

    Raises:
        InputError: a text names what `common` does not have.

    Example:
        >>> files = reached_files({"train.yaml": "_target_: common.losses.TLoss"})
        >>> sorted(path.relative_to(COMMON).as_posix() for path in files if path.stem != "__init__")
        ['errors.py', 'losses/segmentation_loss.py', 'losses/t_loss.py', 'py.typed']
    """
    found: set[Path] = set()
    followed: set[str] = set()
    waiting = [common / "__init__.py", common / "py.typed"]
    for source, text in texts.items():
        for name in _names_in_text(text):
            files = _files_of(name, common)
            if not files:
                raise InputError(f"{source}: it names {name}, which is not there.")
            waiting += files
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            if path.suffix == ".py":
                module = path.relative_to(common.parent).parts
                names = _names_in_module(path.read_text(encoding="utf-8"), module) - followed
                followed |= names
                waiting += [file for name in names for file in _files_of(name, common)]
    return found


def _names_in_text(text: str) -> Iterator[str]:
    yield from NAME.findall(text)
    for module, names in IMPORT.findall(text):
        yield from (f"{module}.{name}" for name in names.split(", "))


@cache  # all bundles share most modules
def _names_in_module(text: str, module: tuple[str, ...]) -> set[str]:
    """Absolute names of what a module of `common` imports, and its texts that are such names."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom):
            parents = module[: -node.level] if node.level else ()
            source = ".".join([*parents, *([node.module] if node.module else [])])
            if source.split(".")[0] == "common":
                names |= {f"{source}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("common.")}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
            names.add(node.value)
        elif isinstance(node, ast.JoinedStr) and isinstance(start := node.values[0], ast.Constant):
            room, dot, _ = str(start.value).rpartition(".")
            if dot and NAME.fullmatch(room):
                names.add(room)
    return names


def _files_of(name: str, common: Path) -> list[Path]:
    """The files that importing a dotted name reads; none if there is no such name.

    A room that is named as a whole, such as ``common.report`` of ``python -m common.report``, is all its modules.
    """
    folder, files = common, [common / "__init__.py"]
    for index, part in enumerate(name.split(".")[1:], start=1):
        last = index == name.count(".")
        if (folder / part / "__init__.py").is_file():
            folder = folder / part
            files += sorted(folder.glob("__init__.py*"))
            if last:
                files += sorted(folder.glob("*.py"))
            continue
        if (folder / f"{part}.py").is_file():
            return [*files, folder / f"{part}.py"]
        stub = folder / "__init__.pyi"
        module = _exports(stub.read_text(encoding="utf-8") if stub.is_file() else "").get(part)
        if module:
            return [*files, *_files_of(".".join([*folder.relative_to(common.parent).parts, module]), common)]
        text = (folder / "__init__.py").read_text(encoding="utf-8")
        return files if re.search(rf"^(def|class|from .* import\b.*) \b{part}\b|^{part}\b", text, re.MULTILINE) else []
    return files


@cache
def _exports(stub: str) -> dict[str, str]:
    """Exported name → module of the same room, from ``from .module import Name``."""
    statements = ast.parse(stub).body
    imports = [node for node in statements if isinstance(node, ast.ImportFrom) and node.level == 1]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
