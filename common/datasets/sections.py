"""The training, validation and test parts of a data set: its own folders, or a seeded split by case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from common.datasets.splits import stratified_split
from common.errors import InputError

SECTION_FOLDERS = {"training": ("train",), "validation": ("validate", "val"), "test": ("test",)}


def section_folder(root: Path, section: str) -> Path | None:
    """The folder of one section, or None where the data set has none for any.

    Layout: ``train/``, ``validate/`` (or ``val/``) and ``test/``.

    Args:
        root: of the data set.
        section: ``"training"``, ``"validation"`` or ``"test"``.

    Returns:
        The section's folder; None if ``root`` has no folder of any section, so that its cases have to be split.

    Raises:
        InputError: there is no such section, or some sections have a folder and this one has not.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     before = section_folder(Path(folder), "validation")
        ...     Path(folder, "val").mkdir()
        ...     before, section_folder(Path(folder), "validation").name
        (None, 'val')
    """
    check_section(section)
    found = {name: root / name for names in SECTION_FOLDERS.values() for name in names if (root / name).is_dir()}
    for name in SECTION_FOLDERS[section]:
        if name in found:
            return found[name]
    if found:
        raise InputError(
            f"{root} holds {', '.join(found)}, but the section {section} needs {' or '.join(SECTION_FOLDERS[section])}."
        )
    return None


def section_of(cases: Iterable[str], section: str, fractions: Sequence[float], seed: int = 0) -> list[str]:
    """The cases (or patients) of one section of a split that depends on nothing but their names and the seed.

    Args:
        cases: names.
        section: ``"training"``, ``"validation"`` or ``"test"``.
        fractions: shares of the three sections, summing to 1. One of 0 is empty; the others have a case at least where
            there are enough.
        seed: another seed, another split.

    Returns:
        Names, sorted; the three sections share none and together are all of them.

    Raises:
        InputError: there is no such section, or the fractions are no shares.

    Example:
        >>> [section_of("abcdefghij", section, (0.7, 0.2, 0.1)) for section in ("validation", "test")]
        [['a', 'd'], ['h']]
    """
    check_section(section)
    training, validation, test = check_fractions(fractions)
    known, tested = stratified_split(dict.fromkeys(cases, ""), 1 - test, seed)
    rest = training + validation
    trained, validated = stratified_split(dict.fromkeys(known, ""), training / rest if rest else 1.0, seed)
    return {"training": trained, "validation": validated, "test": tested}[section]


def check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """The shares of training, validation and test.

    Args:
        fractions: three numbers of 0 or more.

    Returns:
        The three.

    Raises:
        InputError: they are not three shares that sum to 1.

    Example:
        >>> check_fractions([0.5, 0.25, 0.25])
        (0.5, 0.25, 0.25)
    """
    right = isinstance(fractions, list | tuple) and all(type(share) in (int, float) for share in fractions)
    if not right or len(fractions) != 3 or min(fractions) < 0 or not abs(sum(fractions) - 1) <= 1e-6:
        raise InputError(f"fractions: expected three shares that sum to 1, got {fractions!r}.")
    return fractions[0], fractions[1], fractions[2]


def check_section(section: str) -> None:
    """Raises `InputError` if there is no section of this name."""
    if section not in SECTION_FOLDERS:
        raise InputError(f"section must be 'training', 'validation' or 'test', got {section!r}.")
