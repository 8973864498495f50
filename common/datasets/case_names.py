"""Names of cases, which become names of files."""

from __future__ import annotations

import hashlib
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence

BEGINNING = re.compile(r"(.*\d.*)[-_/. ][^-_/. ]+")  # of a name, with a number, up to its last part
FEWEST_BEGINNINGS = 3  # so many patients at least
LONGEST_PART = 200  # bytes of UTF-8: file systems take 255, and results add an ending and a suffix
SHOWN = 40


def normalize_case(name: str) -> str:
    """One spelling for one name: ``./a``, ``a/`` and ``a`` are the same file.

    Args:
        name: of a case, with slashes where it lies in a folder.

    Returns:
        The name without ``.`` and empty parts, a letter with an accent as one character (NFC).

    Example:
        >>> normalize_case("./a//b")
        'a/b'
    """
    return unicodedata.normalize("NFC", posixpath.normpath(name).lstrip("/")) if name else name


def case_fault(name: object) -> str:
    """Why a name cannot be that of a case.

    Args:
        name: as it was given.

    Returns:
        The reason; empty if the name can be used.

    Example:
        >>> case_fault("a/b"), case_fault("../a")
        ('', "its case name '../a' does not name a file below a folder")
    """
    if not isinstance(name, str):
        return f"its case name {name!r} is not a text"
    shown = ascii(name[:SHOWN] + ("…" if len(name) > SHOWN else ""))
    if "\0" in name:
        return f"its case name {shown} contains a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in name):
        return f"its case name {shown} is not valid Unicode"
    if name.startswith("/") or ".." in name.split("/") or normalize_case(name) in ("", "."):
        return f"its case name {shown} does not name a file below a folder"
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > LONGEST_PART:
        return f"its case name {shown} is too long: {longest} bytes, where {LONGEST_PART} are possible"
    return ""


def case_digest(name: str, salt: str) -> str:
    """What stands for a name where it shall not be read: whoever has the case can recognize it, nobody else.

    Args:
        name: of a case.
        salt: a text that belongs to the file, so that two files have different digests of one name.

    Returns:
        The first 32 hexadecimal digits of the SHA-256 of salt, line feed and name.

    Example:
        >>> case_digest("Miller^Anne", "3f6c")[:8]
        '19917426'
    """
    return hashlib.sha256(f"{salt}\n{name}".encode()).hexdigest()[:32]


def names_alike_in_two_sections(names: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """Names that are alike but for their last part, as those of two visits of a patient, and lie in different sections.

    Args:
        names: of the cases of each section.

    Returns:
        A name, its section, another name that begins with the same number and its section, for each beginning that is
        divided; empty unless there are three beginnings with a number in them.

    Example:
        >>> names_alike_in_two_sections({"training": ["01_V1", "02_V1", "02_V2"], "validation": ["01_V2", "03_V1"]})
        [('01_V1', 'training', '01_V2', 'validation')]
        >>> names_alike_in_two_sections({"training": ["11.4", "12.1", "22.16"], "test": ["11.5", "23.17"]})
        [('11.4', 'training', '11.5', 'test')]
        >>> names_alike_in_two_sections({"training": ["heart_001"], "validation": ["heart_002"]})
        []
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for section, cases in names.items():
        for case in cases:
            if match := BEGINNING.fullmatch(case):
                found[match[1]].append((case, section))
    divided = []
    for members in found.values():
        other = next((member for member in members if member[1] != members[0][1]), None)
        if other is not None:
            divided.append((*members[0], *other))
    return divided if len(found) >= FEWEST_BEGINNINGS else []
