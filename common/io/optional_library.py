"""Libraries that are not among the requirements, where they are installed, and a sentence where they are not."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from common.errors import InputError


def optional_library(name: str, extra: str, purpose: str) -> ModuleType:
    """A library of an extra, imported where it is used.

    Args:
        name: of the library, as it is imported and installed.
        extra: of this project, that has it.
        purpose: what needs it, for the message.

    Returns:
        The module.

    Raises:
        InputError: it is not installed.

    Example:
        >>> optional_library("math", "itk", "The cosine").cos(0)
        1.0
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs {name}, which is not installed: pip install -e '.[{extra}]' in the repository, "
            f"or pip install {name}."
        ) from error
