"""What the runs of the atlas say together: means, intervals, tests and ranks, as one JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.atlas.data_sets import DATA_SETS
from benchmarks.atlas.measures import MEASURES
from benchmarks.atlas.methods import HALF, SEVERAL, SINGLE, Method, methods_for
from benchmarks.report.statistics import (
    compare_ranks,
    holm,
    known_mean,
    mean_and_std,
)
from common.errors import InputError
from common.metrics import mean_interval, paired_permutation_test

GROUPS: dict[str, Mapping[str, Method]] = {"one annotator": SINGLE, "several annotators": SEVERAL}


def reference_of(error: str) -> Method:
    """Plain training, with which the others are compared.

    Args:
        error: of the labels.

    Returns:
        Cross-entropy, of several annotators on their majority.

    Example:
        >>> reference_of("three_annotators").title
        'Majority, CE'
    """
    return next(iter(methods_for(error).values()))


def summarize(folders: Mapping[str, Path]) -> dict[str, Any]:
    """All finished runs.

    Args:
        folders: by data set, with ``rates.json`` and ``runs/ERROR/METHOD/SEED.json``.

    Returns:
        ``rates``: Dice by data set, method and settings. ``cells``: by data set and error a row for each method
        and decision, see `compared`. ``ranks``: of each group of methods Friedman's p, mean ranks over all cells that
        have every row, and Nemenyi's p of each row against plain training.

    Raises:
        InputError: no finished run, or seeds that were tested on different cases.
    """
    cells = []
    for data_set, folder in folders.items():
        for error in DATA_SETS[data_set].errors:
            rows: dict[str, dict[int, dict[str, Any]]] = {}
            for name, method in methods_for(error).items():
                for path in sorted((folder / "runs" / error / name).glob("*.json")):
                    record = json.loads(path.read_text(encoding="utf-8"))
                    for decision, measures in record["measures"].items():
                        run = {
                            key: record.get(key) for key in ("learning_rate", "consistency", "seconds", "cases")
                        } | measures
                        rows.setdefault(method.row(decision), {})[int(path.stem)] = run
            if reference_of(error).row(HALF) in rows:
                cells.append(
                    {"data_set": data_set, "error": error, "rows": compared(rows, reference_of(error).row(HALF))}
                )
    if not cells:
        raise InputError(f"expected finished runs in {', '.join(map(str, folders.values()))}, found none.")
    rates = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, folder in folders.items()
        if (path := folder / "rates.json").is_file()
    }
    return {"rates": rates, "cells": cells, "ranks": {group: ranks(cells, group) for group in GROUPS}}


def compared(rows: Mapping[str, Mapping[int, Mapping[str, Any]]], reference: str) -> list[dict[str, Any]]:
    """The rows of a cell, each against plain training on the same test cases.

    Args:
        rows: runs by row and seed: lists of `MEASURES`, a value for each case (None where there is none), ``cases``,
            ``seconds``, ``learning_rate`` and ``consistency``.
        reference: the row of plain training.

    Returns:
        For each row ``row``, ``seeds``, ``learning_rate``, ``consistency`` (its weight, or None), ``cost`` (CPU time,
        the reference's is 1), of every measure ``[mean, standard deviation over seeds]``, and except for the reference
        ``difference`` of Dice with ``interval`` (95 %, bootstrap over cases), ``p`` (paired permutation test, a case is
        one pair of its means over seeds) and ``p_holm`` (over the rows of the cell).

    Raises:
        InputError: runs of different test cases.
    """
    cases = next(iter(rows[reference].values()))["cases"]
    seconds = _mean_of(rows[reference], "seconds")
    found: list[dict[str, Any]] = []
    for row, runs in rows.items():
        entry: dict[str, Any] = {
            "row": row,
            "seeds": sorted(runs),
            **{key: next(iter(runs.values())).get(key) for key in ("learning_rate", "consistency")},
        }
        entry["cost"] = _mean_of(runs, "seconds") / seconds
        for measure in MEASURES:
            means = [known_mean(_numbers(runs[seed][measure]))[0] for seed in sorted(runs)]
            entry[measure] = list(mean_and_std(means)) if np.isfinite(means).all() else [math.nan, math.nan]
        if row != reference:
            shared = sorted(runs.keys() & rows[reference].keys())  # seeds; of a table that is not finished some
            values, base = (
                _by_case([each[seed] for seed in shared], "dice", cases) for each in (runs, rows[reference])
            )
            known = np.isfinite(values) & np.isfinite(base)
            difference = (values - base)[known].tolist()
            entry["difference"] = known_mean(difference)[0]
            entry["interval"] = mean_interval(difference)
            entry["p"] = paired_permutation_test(values[known].tolist(), base[known].tolist())
        found.append(entry)
    others = [entry for entry in found if "p" in entry]
    for entry, p in zip(others, holm([entry["p"] for entry in others]), strict=True):
        entry["p_holm"] = p
    return found


def ranks(cells: Sequence[Mapping[str, Any]], group: str) -> dict[str, Any] | None:
    """Friedman's and Nemenyi's tests of a group of methods.

    Args:
        cells: of `summarize`.
        group: a key of `GROUPS`.

    Returns:
        ``blocks``, ``friedman_p``, ``mean_ranks`` by row and ``nemenyi_p`` of each row against plain training; None of
        fewer than two blocks.
    """
    members = [method.row(rule) for method in GROUPS[group].values() for rule in method.decisions]
    blocks = [
        means
        for cell in cells
        if (means := {entry["row"]: entry["dice"][0] for entry in cell["rows"]}).keys() == set(members)
        and all(math.isfinite(value) for value in means.values())
    ]
    if len(blocks) < 2:
        return None
    comparison = compare_ranks([{row: block[row] for row in members} for block in blocks])
    nemenyi = {row: comparison.nemenyi_p[row, members[0]] for row in members[1:]}
    return {
        "blocks": len(blocks),
        "friedman_p": comparison.friedman_p,
        "mean_ranks": comparison.mean_ranks,
        "nemenyi_p": nemenyi,
    }


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _by_case(runs: Sequence[Mapping[str, Any]], measure: str, cases: Sequence[str]) -> np.ndarray:
    """The mean over seeds of every case; nan where a seed has none."""
    if any(run["cases"] != cases for run in runs):
        raise InputError("expected the same test cases in all runs of a data set and error, got others.")
    return np.mean([_numbers(run[measure]) for run in runs], axis=0)


def _mean_of(runs: Mapping[int, Mapping[str, Any]], key: str) -> float:
    return known_mean(run[key] for run in runs.values())[0]
