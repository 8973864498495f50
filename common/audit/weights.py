"""The weights that an audit proposes, and those that a user has given in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.audit.second import read_audit
from common.errors import InputError
from common.io.files import read_case_column, write_csv

__all__ = ["WEIGHTS_FILE", "GivenWeight", "given_weights", "write_weights"]

WEIGHTS_FILE = "weights.csv"


@dataclass(frozen=True)
class GivenWeight:
    """A weight that is not the one that the audit had proposed.

    Attributes:
        weight: as it stands in the file.
        label_hash: of the label that the audit had seen.
    """

    weight: str
    label_hash: str


def proposed_weight(status: str) -> int:
    """0 for a suspicious label, else 1."""
    return 0 if status == "suspicious" else 1


def given_weights(folder: Path) -> dict[str, GivenWeight]:
    """The weights in a folder of an audit that somebody has changed since.

    Args:
        folder: where an audit may have been written.

    Returns:
        By case; empty where there is no audit.

    Raises:
        InputError: a weight is no number, or the file no such table.

    Example:
        >>> import json, tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     rows = [{"case": case, "status": "suspicious", "label_hash": "0f"} for case in "ab"]
        ...     _ = Path(name, "audit.json").write_text(json.dumps({"cases": rows}))
        ...     _ = Path(name, "weights.csv").write_text("case,weight\\na,1\\nb,0\\n")
        ...     given_weights(Path(name))
        {'a': GivenWeight(weight='1', label_hash='0f')}
    """
    path = folder / WEIGHTS_FILE
    if not path.is_file() or not (folder / "audit.json").is_file():
        return {}
    try:
        rows = read_audit(folder)
    except InputError:  # of an older version, which does not say what labels it saw
        return {}
    found = {}
    for case, text in read_case_column(path, "weight", "weights", "the weights.csv of an audit"):
        try:
            weight = float(text)
        except ValueError as error:
            raise InputError(f"{path}: expected a number as the weight of the case {case}, got {text!r}.") from error
        row = rows.get(case)
        if row is not None and weight != proposed_weight(row["status"]):
            found[case] = GivenWeight(text, row["label_hash"])
    return found


def write_weights(output: Path, records: Sequence[Mapping[str, Any]], given: Mapping[str, GivenWeight]) -> list[str]:
    """Writes ``weights.csv``: 0 for suspicious labels, else 1, and what was given for a label that is still the same.

    Args:
        output: folder of the audit.
        records: of `rank_records`.
        given: of `given_weights`, before this audit.

    Returns:
        Sentences on the weights that were given.

    Raises:
        InputError: the file cannot be written.
    """
    kept = {r["case"] for r in records if r["case"] in given and given[r["case"]].label_hash == r["label_hash"]}
    rows = [
        {"case": r["case"], "weight": given[r["case"]].weight if r["case"] in kept else proposed_weight(r["status"])}
        for r in records
    ]
    write_csv(output / WEIGHTS_FILE, sorted(rows, key=lambda row: str(row["case"])))
    other = [r["case"] for r in records if r["case"] in given and r["case"] not in kept]
    said = [f"{WEIGHTS_FILE} keeps the weights that were given by hand: {', '.join(sorted(kept))}."] if kept else []
    if other:
        said.append(
            f"These labels have changed since their weights were given by hand, so that {WEIGHTS_FILE} has the audit's "
            f"again: {', '.join(sorted(other))}."
        )
    return said
