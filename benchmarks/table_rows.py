"""The rows of a table, or a part of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

__all__ = ["chosen_rows"]

Rows = Mapping[str, Sequence[str]]


def chosen_rows(rows: Rows, chosen: Rows | Sequence[str] | None, known: Collection[str]) -> dict[str, list[str]]:
    """The rows of a table that has some for each way of labeling.

    Args:
        rows: of the whole table, by way of labeling.
        chosen: other rows by way of labeling; or a list, of which each way of labeling has those that it has in the
            whole table; None for all.
        known: names of rows of all tables of this kind; a list without any of them is that of another kind of table.

    Returns:
        The rows by way of labeling.

    Raises:
        ValueError: a list of which some names are known and others are not.

    Example:
        >>> chosen_rows({"dense": ["mean", "majority"], "one": ["mean"]}, ["majority", "mean"], {"mean", "majority"})
        {'dense': ['majority', 'mean'], 'one': ['mean']}
    """
    if chosen is None:
        return {labels: list(names) for labels, names in rows.items()}
    if isinstance(chosen, Mapping):
        return {labels: list(names) for labels, names in chosen.items()}
    unknown = [name for name in chosen if name not in known]
    if unknown and len(unknown) < len(chosen):
        raise ValueError(f"rows: expected some of {', '.join(sorted(known))}, got {', '.join(unknown)}.")
    return {labels: [name for name in chosen if name in names] for labels, names in rows.items()}
