"""SimpleITK where it is installed, and a sentence where it is not."""

from __future__ import annotations

from types import ModuleType

from common.errors import InputError


def simple_itk(purpose: str) -> ModuleType:
    """SimpleITK, which is not among the requirements but the extra ``itk``.

    Args:
        purpose: what needs it, for the message.

    Raises:
        InputError: it is not installed.
    """
    try:
        import SimpleITK
    except ImportError as error:
        raise InputError(
            f"{purpose} needs SimpleITK, which is not installed: pip install -e '.[itk]' in the repository, "
            "or pip install SimpleITK."
        ) from error
    return SimpleITK
