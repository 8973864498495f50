"""XML of annotation tools, read without what a document may bring along."""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree import ElementTree

from common.errors import InputError

__all__ = ["read_xml"]


def read_xml(path: str | os.PathLike[str]) -> ElementTree.Element:
    """The root of an XML file.

    Args:
        path: of the file, UTF-8 or another encoding that it names, without a document type.

    Returns:
        The root.

    Raises:
        InputError: the file cannot be read, or declares a document type or entities of its own.
    """
    try:
        text = Path(path).read_bytes()
        if b"<!DOCTYPE" in text or b"<!ENTITY" in text or text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise InputError(f"{path}: expected XML in UTF-8 without a document type, as annotation tools write it.")
        return ElementTree.fromstring(text)
    except InputError:
        raise
    except (OSError, ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} cannot be read as XML: {error}.") from error
