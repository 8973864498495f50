"""A second audit, after labels were corrected: what has changed since the first."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from common.errors import InputError, counted, shown_names

__all__ = ["compare_audits", "read_audit"]

BEFORE = ("status", "wrong_probability", "expected_dice")


def read_audit(folder: Path) -> dict[str, dict[str, Any]]:
    """The cases of an audit.

    Args:
        folder: that an audit wrote.

    Returns:
        Row of ``audit.json`` by case.

    Raises:
        InputError: it holds no audit, or one of an older version, which does not say what labels it saw.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     content = {"cases": [{"case": "a", "status": "usual", "label_hash": "0f"}]}
        ...     _ = Path(folder, "audit.json").write_text(json.dumps(content))
        ...     read_audit(Path(folder))["a"]["status"]
        'usual'
    """
    path = folder / "audit.json"
    if not path.is_file() and (folder / "annotators.json").is_file():
        raise InputError(
            f"previous: {folder}: expected the audit of one annotator, got one of several; give one of its folders."
        )
    if not path.is_file():
        raise InputError(f"previous: {folder}: expected the folder of an audit, with audit.json, got none.")
    try:
        rows = {str(row["case"]): row for row in json.loads(path.read_text(encoding="utf-8"))["cases"]}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"previous: {path} cannot be read as an audit: {' '.join(str(error).split())}.") from error
    if any("label_hash" not in row for row in rows.values()):
        raise InputError(f"previous: {path}: expected an audit by this version, got an older one; run it again.")
    return rows


def compare_audits(records: list[dict[str, Any]], before: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What has changed since an earlier audit; of each case it is added to the records.

    A record gets ``changed`` (whether the label is another one than before; None of a new case), ``previous_status``,
    ``previous_wrong_probability`` and ``previous_expected_dice``.

    Args:
        records: of `rank_records`.
        before: of `read_audit`.

    Returns:
        Names of cases: ``changed`` labels, ``cleared`` (suspicious before, usual now), ``still`` suspicious, ``new``
        suspicious ones that were audited before, ``added`` and ``gone`` cases; ``expected_dice``, the mean over the
        changed labels before and now, or None; and ``said``, sentences of all this.

    Example:
        >>> now = {"case": "a", "label_hash": "2", "status": "usual", "expected_dice": 0.95}
        >>> was = {"case": "a", "label_hash": "1", "status": "suspicious", "expected_dice": 0.6}
        >>> print(compare_audits([now], {"a": was | {"wrong_probability": 0.9}})["said"])  # doctest: +ELLIPSIS
        Since the previous audit 1 label has changed. 1 of 1 suspicious labels is usual now, 0 are still suspicious...
    """
    for record in records:
        row = before.get(record["case"])
        record["changed"] = None if row is None else row["label_hash"] != record["label_hash"]
        record |= {f"previous_{name}": None if row is None else row.get(name) for name in BEFORE}

    def named(now: str | None, was: str | None) -> list[str]:
        fit = [r for r in records if now in (None, r["status"]) and r["changed"] is not None]
        return [r["case"] for r in fit if was in (None, r["previous_status"])]

    known = named(None, None)
    changed = [r["case"] for r in records if r["changed"]]
    suspected = [name for name, row in before.items() if row["status"] == "suspicious"]
    cleared, still = named("usual", "suspicious"), named("suspicious", "suspicious")
    new = [name for name in named("suspicious", None) if name not in still]
    pairs = [(r["previous_expected_dice"], r["expected_dice"]) for r in records if r["changed"]]
    both = [(float(was), float(now)) for was, now in pairs if was is not None and now is not None]
    dice = [round(sum(one) / len(both), 4) for one in zip(*both, strict=True)] if both else None
    added = [r["case"] for r in records if r["changed"] is None]
    gone = sorted(before.keys() - set(known))
    said = [
        f"Since the previous audit {counted(len(changed), 'label')} {'has' if len(changed) == 1 else 'have'} changed.",
        f"{len(cleared)} of {len(suspected)} suspicious labels {'is' if len(cleared) == 1 else 'are'} usual now, "
        f"{len(still)} {'is' if len(still) == 1 else 'are'} still suspicious{_listed(still)}, and {len(new)} "
        f"{'is' if len(new) == 1 else 'are'} newly so{_listed(new)}.",
    ]
    if dice is not None:
        said.append(f"The expected Dice of the changed labels went from {dice[0]:.3f} to {dice[1]:.3f}.")
    if added or gone:
        said.append(f"New cases: {len(added)}; cases that were not audited this time: {len(gone)}.")
    return {
        "changed": changed,
        "cleared": cleared,
        "still": still,
        "new": new,
        "added": added,
        "gone": gone,
        "expected_dice": dice,
        "said": " ".join(said),
    }


def _listed(names: Sequence[str]) -> str:
    return f" ({shown_names(names)})" if names else ""
