"""One process has one copy of `common`: two bundles with different versions of it cannot share the process."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import common
from common.errors import InputError

__all__ = ["require_one_version"]


def require_one_version() -> None:
    """Raises if a bundle on Python's path brings another version of `common` than the one that is loaded.

    MONAI puts the folder of each bundle that it runs on the path, but Python keeps the copy of `common` that it has
    loaded first. `begin_run` calls this for every verb.

    Raises:
        InputError: names the bundle's folder and both versions.

    Example:
        >>> require_one_version()
    """
    for folder in map(Path, sys.path):
        copy = folder / "common/__init__.py"
        if (folder / "configs/metadata.json").is_file() and copy.is_file():
            found = re.search(r'^__version__ = "(.*)"', copy.read_text(encoding="utf-8"), re.MULTILINE)
            if found and found[1] != common.__version__:
                raise InputError(
                    f"{folder.resolve()} comes with version {found[1]} of common, but this process has loaded "
                    f"version {common.__version__} from {Path(common.__file__).resolve().parents[1]}; use the two "
                    "bundles in processes of their own."
                )
