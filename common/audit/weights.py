"""The weights that an audit proposes, and those that a user has given in their place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from common.audit.second import read_audit
from common.errors import InputError
from common.io.files import read_case_column, write_csv

__all__ = ["CASE_WEIGHTS_FILE", "GivenWeight", "given_weights", "kept_weights", "write_weights"]

CASE_WEIGHTS_FILE = "weights.csv"


class GivenWeight(NamedTuple):
    """A weight that a user has given.

    Attributes:
        weight: as it stands in the file.
        label_hash: of the label that the audit had seen.
    """

    weight: str
    label_hash: str


def proposed_weight(status: str) -> int:
    """0 for a suspicious label, else 1."""
    return 0 if status == "suspicious" else 1


def given_weights(*folders: Path | None) -> dict[str, GivenWeight]:
    """The weights in folders of audits that somebody has changed: other ones than the audit had written.

    Args:
        folders: where audits may have been written, from the first to the last; a case is as the last one says that has
            it. None is no folder.

    Returns:
        By case; empty where there is no audit.

    Raises:
        InputError: a weight is no number, or a file no such table.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as name:
        ...     rows = [{"case": case, "status": "suspicious", "label_hash": "0f"} for case in "ab"]
        ...     _ = Path(name, "audit.json").write_text(json.dumps({"cases": rows}))
        ...     _ = Path(name, "weights.csv").write_text("case,weight\\na,1\\nb,0\\n")
        ...     given_weights(Path(name))
        {'a': GivenWeight(weight='1', label_hash='0f')}
    """
    found: dict[str, GivenWeight] = {}
    for folder in folders:
        if folder is None or not (folder / CASE_WEIGHTS_FILE).is_file() or not (folder / "audit.json").is_file():
            continue
        try:
            rows = read_audit(folder)
        except InputError:  # of an older version, which does not say what labels it saw
            continue
        content = json.loads((folder / "audit.json").read_text(encoding="utf-8"))
        known = {case: GivenWeight(*one) for case, one in content.get("given_weights", {}).items()}
        found = {case: one for case, one in found.items() if case not in rows} | known
        for case, text in read_case_column(folder / CASE_WEIGHTS_FILE, "weight", "weights", "that of an audit"):
            row = rows.get(case)
            if row is None:
                continue
            written = known[case].weight if case in known else str(proposed_weight(row["status"]))
            if _number(text, case, folder) != float(written):
                found[case] = GivenWeight(text, row["label_hash"])
    return found


def _number(text: str, case: str, folder: Path) -> float:
    try:
        return float(text)
    except ValueError as error:
        path = folder / CASE_WEIGHTS_FILE
        raise InputError(f"{path}: expected a number as the weight of the case {case}, got {text!r}.") from error


def kept_weights(records: Sequence[Mapping[str, Any]], given: Mapping[str, GivenWeight]) -> dict[str, GivenWeight]:
    """The weights that were given for labels that are still the same, and for cases that were not audited now.

    Args:
        records: of `rank_records`.
        given: of `given_weights`, before this audit.

    Returns:
        By case.

    Example:
        >>> given = {case: GivenWeight("0.5", "0f") for case in "abc"}
        >>> list(kept_weights([{"case": "a", "label_hash": "0f"}, {"case": "b", "label_hash": "1e"}], given))
        ['a', 'c']
    """
    seen = {record["case"]: record["label_hash"] for record in records}
    return {case: one for case, one in given.items() if seen.get(case, one.label_hash) == one.label_hash}


def write_weights(output: Path, records: Sequence[Mapping[str, Any]], kept: Mapping[str, GivenWeight]) -> None:
    """Writes ``weights.csv``: what was given, else 0 for suspicious labels and 1 for others.

    Args:
        output: folder of the audit.
        records: of `rank_records`.
        kept: of `kept_weights`.

    Raises:
        InputError: the file cannot be written.
    """
    weights = {record["case"]: str(proposed_weight(record["status"])) for record in records}
    weights |= {case: one.weight for case, one in kept.items()}
    write_csv(output / CASE_WEIGHTS_FILE, [{"case": case, "weight": weights[case]} for case in sorted(weights)])


def weight_notes(given: Mapping[str, GivenWeight], kept: Mapping[str, GivenWeight]) -> list[str]:
    """Sentences on the weights that were given."""
    said = (
        [f"{CASE_WEIGHTS_FILE} keeps the weights that were given by hand: {', '.join(sorted(kept))}."] if kept else []
    )
    if other := sorted(given.keys() - kept.keys()):
        said.append(
            f"These labels have changed since their weights were given by hand, so that {CASE_WEIGHTS_FILE} has the "
            f"audit's again: {', '.join(other)}."
        )
    return said
