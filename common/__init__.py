"""What the bundles share: losses, noise models, transforms, metrics, data, workflow and reports.

Imports run downward only; the layers are in ``docs/architecture.md``. Every packaged bundle has a copy of
the modules that it reaches; the copies in one process supplement each other, so that two bundles whose copies differ in
version cannot share it, see `common.workflow.one_version`. Importing it changes nothing else in the process.
"""

import os
import sys
from collections.abc import Iterable, Iterator

from common.errors import ArgumentError, InputError

__all__ = ["ArgumentError", "InputError", "SearchPath", "__version__"]
__version__ = "0.1.0"


class SearchPath(list[str]):
    """The folders of a package (its ``__path__``): its own, then those of the same name in other bundles on `sys.path`.

    The zip of a bundle has only those modules of `common` that this bundle reaches, and a process that has several
    bundles takes each module from the first copy that has it. A folder that was found once stays: MONAI Label has a
    bundle on `sys.path` only while it builds its parts.

    Args:
        folders: the package's own.
        name: of the package, such as ``common.losses``.

    Example:
        >>> next(iter(SearchPath(["/copy/common/losses"], "common.losses")))
        '/copy/common/losses'
    """

    def __init__(self, folders: Iterable[str], name: str) -> None:
        super().__init__(folders)
        self.parts = name.split(".")

    def __iter__(self) -> Iterator[str]:
        for folder in sys.path:
            if os.path.isfile(os.path.join(folder, "common/__init__.py")):
                copy = os.path.join(os.path.realpath(folder), *self.parts)
                if copy not in self and os.path.isdir(copy):
                    self.append(copy)
        return super().__iter__()


__path__ = SearchPath(__path__, __name__)
