"""What the bundles share: losses, noise models, transforms, metrics, data, workflow and reports.

Imports run downward only; the order of the floors is in ``docs/architecture.md``. Every packaged bundle has its own
copy; a process has one for all bundles, so that two bundles whose copies differ in version cannot share it.
"""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from common.errors import InputError

__all__ = ["InputError", "__version__"]
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


sys.modules[__name__].__class__ = _OneVersion
