"""What the bundles share: losses, noise models, transforms, metrics, data, workflow and reports.

Imports run downward only; the order of the floors is in ``docs/architecture.md``. Every packaged bundle has a copy of
the modules that it reaches; the copies in one process supplement each other, so that two bundles whose copies differ in
version cannot share it.
"""

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from common.errors import InputError

__all__ = ["InputError", "SearchPath", "__version__"]
__version__ = "0.1.0"


class _OneVersion(ModuleType):
    """Refuses to serve a configuration (``_target_: common.…``) while a bundle with another version is on the path."""

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_"):
            for folder in map(Path, sys.path):
                copy = folder / "common/__init__.py"
                if (folder / "configs/metadata.json").is_file() and copy.is_file():
                    found = re.search(r'^__version__ = "(.*)"', copy.read_text(encoding="utf-8"), re.MULTILINE)
                    if found and found[1] != __version__:
                        raise InputError(
                            f"{folder.resolve()} comes with version {found[1]} of common, but this process has loaded "
                            f"version {__version__} from {Path(__file__).resolve().parents[1]}; use the two bundles in "
                            "processes of their own."
                        )
        return super().__getattribute__(name)


class SearchPath(list[str]):
    """The folders of a package (its ``__path__``): its own, then those of the same name in other bundles on `sys.path`.

    The zip of a bundle has only those modules of `common` that this bundle reaches, and a process that has several
    bundles takes each module from the first copy that has it. A folder that was found once stays: MONAI Label has a
    bundle on `sys.path` only while it builds its parts.

    Args:
        folders: the package's own.
        name: of the package, such as ``common.losses``.
    """

    def __init__(self, folders: Iterable[str], name: str) -> None:
        super().__init__(folders)
        self.parts = name.split(".")

    def __iter__(self) -> Iterator[str]:
        for folder in map(Path, sys.path):
            copy = str(folder.resolve().joinpath(*self.parts))
            if (folder / "common/__init__.py").is_file() and Path(copy).is_dir() and copy not in self:
                self.append(copy)
        return super().__iter__()


__path__ = SearchPath(__path__, __name__)
sys.modules[__name__].__class__ = _OneVersion
