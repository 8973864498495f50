"""Files and folders that are either whole or absent."""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.errors import InputError

UNWRITABLE = {  # what the user can mend: a full disk; a folder that is read-only, wrong, or a mount point
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EBUSY),
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP),
}


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Makes one sentence of a full disk, a read-only folder, or a file where a folder should be.

    Raises:
        InputError: names ``path`` and what the system said.

    Example:
        >>> with writing("a.txt"):
        ...     raise OSError(errno.ENOSPC, "No space left on device")
        Traceback (most recent call last):
        common.errors.InputError: a.txt cannot be written: No space left on device.
    """
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, InputError):
            if isinstance(cause, OSError) and cause.errno in UNWRITABLE:
                # a file where a folder should be: making the folder says that it exists, all else that it is none
                number = errno.ENOTDIR if cause.errno == errno.EEXIST else cause.errno
                raise InputError(f"{path} cannot be written: {os.strerror(number)}.") from error
            cause = cause.__cause__ or cause.__context__
        raise


def check_writable(name: str, folder: str | os.PathLike[str]) -> None:
    """Raises if files cannot be written into a folder, which need not exist yet.

    Args:
        name: name of the option that names the folder, for the message.
        folder: folder in which results are to be written.

    Raises:
        InputError: it is a file or below one, its name is too long, it is a loop of links, or it is read-only.

    Example:
        >>> check_writable("output", f"{__file__}/results")
        Traceback (most recent call last):
        common.errors.InputError: output: expected a folder for the results, but ...files.py is a file.
    """
    path = Path(os.path.abspath(folder))
    try:
        nearest = next(parent for parent in (path, *path.parents) if _exists(parent))
    except OSError as error:
        raise InputError(f"{name}: {folder} cannot be a folder for the results: {error.strerror}.") from error
    if not nearest.is_dir():
        raise InputError(f"{name}: expected a folder for the results, but {nearest} is a file.")
    if not os.access(nearest, os.W_OK):
        raise InputError(f"{name}: {path} cannot be written to, {nearest} is read-only.")


def _exists(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


@contextmanager
def whole_file(path: str | os.PathLike[str], sync: bool = True) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes when it does not.

    Missing parent folders are made. The temporary name keeps every suffix of ``path`` (writers go by suffixes).

    Args:
        path: to write.
        sync: wait until the disk holds the content, so that not even a power failure leaves a part; for many small
            files that can be made again, this takes longer than writing.

    Raises:
        InputError: as `writing`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_file(f"{folder}/a.txt") as partial:
        ...         _ = partial.write_text("whole")
        ...     Path(folder, "a.txt").read_text()
        'whole'
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
            partial = Path(folder) / path.name
            yield partial
            if sync:
                with partial.open("rb") as written:
                    os.fsync(written.fileno())
            os.replace(partial, path)


@contextmanager
def whole_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """An empty folder beside ``path`` that takes its place when the block ends well, and vanishes when it does not.

    Missing parent folders are made. What was at ``path`` is removed with everything in it, but only when the block has
    ended well.

    Raises:
        InputError: as `writing`; or ``path`` is a mount point, whose place nothing can take.

    Example:
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with whole_folder(f"{folder}/data") as partial:
        ...         Path(partial, "a.txt").touch()
        ...     [found.name for found in Path(folder, "data").iterdir()]
        ['a.txt']
    """
    path = Path(path).resolve()  # a link remains one, and a folder may be the current one
    if path.is_mount():
        raise InputError(f"{path}: expected a folder that can be replaced, got a mount point; name a folder in it.")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".partial-", dir=path.parent) as folder:
            partial = Path(folder) / path.name
            partial.mkdir()
            yield partial
            if path.exists():
                os.replace(path, Path(folder) / f"{path.name}.replaced")
            os.replace(partial, path)


def write_csv(path: str | os.PathLike[str], rows: Sequence[dict[str, Any]], columns: Sequence[str] = ()) -> None:
    """Writes ``rows`` as CSV; missing values stay empty.

    Args:
        path: of the file.
        rows: value by column.
        columns: the first ones, also of a table without rows; then come all keys in order of first appearance.
    """
    columns = list(dict.fromkeys([*columns, *(key for row in rows for key in row)]))
    with whole_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: str | os.PathLike[str]) -> list[dict[str, str]]:
    """The rows of a CSV file with a header, as text."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_json(path: str | os.PathLike[str], keys: Sequence[str] = ()) -> dict[str, Any]:
    """A JSON file that holds a dictionary.

    Args:
        path: of the file.
        keys: that it must have.

    Returns:
        The dictionary.

    Raises:
        InputError: the file is missing or damaged, holds something else, or lacks a key.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.json").write_text('{"version": "1.0"}', encoding="utf-8")
        ...     read_json(f"{folder}/a.json", ["version"])
        {'version': '1.0'}
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{path} cannot be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON dictionary, got {type(content).__name__}.")
    if missing := [key for key in keys if key not in content]:
        raise InputError(f"{path}: expected {', '.join(keys)} in it; it lacks {missing[0]}.")
    return content


def read_result(
    path: str | os.PathLike[str], columns: Sequence[str], numbers: Sequence[str] = (), of: str = "a run"
) -> list[dict[str, str]]:
    """The rows of a table that a run has written, as text.

    Args:
        path: of the CSV file.
        columns: that it must have; other columns are kept, too.
        numbers: columns of these whose fields are empty or numbers.
        of: what writes such a table, for messages.

    Returns:
        At least one row, each a column's text by its name.

    Raises:
        InputError: the file is missing, has no row, lacks a column, or a field is no number.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_csv(f"{folder}/metrics.csv", [{"epoch": 1, "loss": 0.5}])
        ...     read_result(f"{folder}/metrics.csv", ["epoch"], ["epoch"])
        [{'epoch': '1', 'loss': '0.5'}]
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path} does not exist: expected the {path.name} of {of}.")
    rows = read_csv(path)
    missing = [name for name in columns if not rows or name not in rows[0]]
    if missing:
        raise InputError(f"{path} must have rows with the columns {', '.join(columns)}; it lacks {missing[0]}.")
    for line, row in enumerate(rows, 2):
        for name in numbers:
            try:
                float(row[name] or "nan")
            except ValueError:
                raise InputError(f"{path}, line {line}: expected a number as {name}, got {row[name]!r}.") from None
    return rows


def read_case_column(
    path: str | os.PathLike[str], column: str, option: str, such_as: str = ""
) -> list[tuple[str, str]]:
    """What a CSV file with the columns ``case`` and another one, as a user or a spreadsheet writes it, says of cases.

    Further columns, empty rows, spaces around a field and the mark that spreadsheets put in front are ignored.

    Args:
        path: of the file.
        column: the other column.
        option: that names the file, for messages.
        such_as: a file of this kind, for the message that there is none; empty for none.

    Returns:
        Case and text of each row.

    Raises:
        InputError: the file is missing or no such table, or a row has another number of fields than the header.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "order.csv").write_text("order, case\\n2024, a\\n")
        ...     read_case_column(Path(folder, "order.csv"), "order", "order")
        [('a', '2024')]
    """
    path = Path(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            columns = [name.strip() for name in next(reader, [])]
            if [columns.count(name) for name in ("case", column)] != [1, 1]:
                raise InputError(
                    f"{option}: {path}: expected a table with the columns case and {column}, separated by commas, got "
                    f"{', '.join(map(repr, columns)) or 'no columns'}."
                )
            rows = [(reader.line_num, [text.strip() for text in row]) for row in reader]
    except OSError as error:
        example = f", such as {such_as}" if such_as else ""
        raise InputError(
            f"{option}: {path} cannot be read ({error.strerror}); expected a CSV file with the columns case and "
            f"{column}{example}."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{option}: {path} cannot be read as a CSV file: {error}.") from error
    rows = [(line, row) for line, row in rows if any(row)]
    for line, row in rows:
        if len(row) != len(columns):  # 0,5 would be read as 0
            raise InputError(
                f"{option}: {path}, line {line}: expected {len(columns)} fields, got {len(row)}: {','.join(row)!r}; a "
                "number has a decimal point, and a name with a comma stands in quotes."
            )
    return [(row[columns.index("case")], row[columns.index(column)]) for _, row in rows]


def file_digest(path: str | os.PathLike[str]) -> str:
    """A digest of what a file holds, to see whether it is as it was written.

    Args:
        path: of the file.

    Returns:
        16 hexadecimal digits.

    Example:
        >>> file_digest(os.devnull)
        'e4a6a0577479b2b4'
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
