"""From records of cases to a ranking and what the data set is like.

**Which cases are suspicious**: those whose label is wrong with a probability of at least `SUSPICIOUS` = ½
(`wrong_probabilities`): suspecting a right label and passing a wrong one count as equally bad.
All others are **usual**. A part that is missing in a usual label has its kind there, too.

**Not judged** are cases in which the network is unsure: a ``certainty`` below 0.75 (as of a structure in which the
probability is 0.6, and 0 around it). They have no probability, and do not count in the above.

Each of the three groups is **ranked** by `surprises`: among usual labels there may be others of which a part is wrong.

**Exchanged** are two suspicious labels of which each fits the prediction of the other case as well as labels usually
fit their own, and much better than its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.audit.border import BorderNoise, estimate_border_noise
from common.audit.cases import decode_signature
from common.audit.choosing import advice
from common.audit.habits import annotator_habits
from common.audit.surprise import surprises
from common.audit.wrong import wrong_probabilities
from common.errors import InputError

__all__ = ["LEAST_CERTAINTY", "SUSPICIOUS", "check_limits", "rank_records", "summarize"]

SUSPICIOUS = 0.5
LEAST_CERTAINTY = 0.75
MOST_CANDIDATES = 3
FAR_OFF = 0.5  # Dice to expect, below which a label is named even if it is not suspicious
EXPLAINS = 0.5  # of what the label differs from its own prediction
Record = dict[str, Any]


def check_limits(least_certainty: object, suspicious: object) -> None:
    """Refuses limits that a user gave and that are none.

    Args:
        least_certainty: below which a case is not judged.
        suspicious: the probability from which a label is.

    Raises:
        InputError: one of them is no number, or outside of its range.

    Example:
        >>> check_limits(0.75, 5)
        Traceback (most recent call last):
        common.errors.InputError: suspicious: expected a probability above 0 and up to 1, got 5.
    """
    certainty, probability = (
        math.nan if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
        for value in (least_certainty, suspicious)
    )
    if not 0 <= certainty <= 1:
        raise InputError(f"least_certainty: expected a number from 0 to 1, got {least_certainty!r}.")
    if not 0 < probability <= 1:
        raise InputError(f"suspicious: expected a probability above 0 and up to 1, got {suspicious!r}.")


def rank_records(
    records: Sequence[Mapping[str, Any]], least_certainty: float = LEAST_CERTAINTY, suspicious: float = SUSPICIOUS
) -> list[Record]:
    """Records with what is known only of all together, the most surprising of the suspicious ones first.

    Args:
        records: of `case_record`.
        least_certainty: below which a case is ``not judged``.
        suspicious: probability to be wrong, in (0, 1], from which a label is ``suspicious``.

    Returns:
        New records with ``rank``, ``surprise`` (None of a case without any structure), ``status``,
        ``wrong_probability`` (None if not judged), ``candidates`` and ``exchanged_with``: suspicious ones, then the
        usual ones, then those that were not judged, each group by surprise. Only usual labels are
        ``fine``, and only theirs is the gravest kind: of a suspicious one it is that which explains most voxels. A
        suspicious one of which nothing was found is ``border shaky``. What is not judged has no other kind. A
        suspicious label that fits the prediction of another case as well as labels usually fit their own gets the kind
        ``another case's label`` and these cases as ``candidates``.
    """
    doubts = [np.array([pair or (math.nan, math.nan) for pair in record["doubts"]]) for record in records]
    surprise = surprises(doubts)
    judged = np.array([_is_number(one["score"]) and one["certainty"] >= least_certainty for one in records], bool)
    probability = np.where(judged, 0.0, np.nan)  # 0 of a case without any structure
    judged &= np.isfinite(surprise)
    probability[judged] = wrong_probabilities(surprise[judged].tolist())
    ranked: list[Record] = []
    for record, one, wrong in zip(records, surprise.tolist(), probability.tolist(), strict=True):
        status = "not judged" if math.isnan(wrong) else "suspicious" if wrong >= suspicious else "usual"
        known = {"surprise": one, "wrong_probability": wrong}
        ranked.append({**record, "status": status} | {key: v if math.isfinite(v) else None for key, v in known.items()})
    for record in ranked:
        if record["status"] == "not judged":  # nothing is said against a label of which the network is unsure
            record |= {"kind": "not judged", "finding": "the network is unsure", "kinds": []}
        elif record["status"] == "suspicious" and record["kind"] == "fine":
            record |= {"kind": "border shaky", "finding": "differs more than usual, nowhere by much", "kinds": []}
        elif record["status"] == "suspicious":  # the kind that explains most, not the gravest
            most = max(record["kinds"], key=lambda kind: kind["voxels"])
            record["kind"], record["finding"] = most["name"], most["message"]
    _find_candidates(ranked)
    order = ("suspicious", "usual", "not judged")
    ranked.sort(key=lambda record: (order.index(record["status"]), -_surprise(record), record["case"]))
    return [{"rank": place, **record} for place, record in enumerate(ranked, start=1)]


def _surprise(record: Record) -> float:
    """Where there is none, after all that have one."""
    return -math.inf if record["surprise"] is None else float(record["surprise"])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _find_candidates(records: Sequence[Record]) -> None:
    """Names for each suspicious case those whose prediction its label fits, and pairs that look exchanged."""
    by_size: dict[int, list[Record]] = {}
    for record in records:
        record["candidates"] = record["exchanged_with"] = ""
        by_size.setdefault(len(record["prediction_signature"]), []).append(record)
    for group in by_size.values():
        predictions = np.stack([decode_signature(record["prediction_signature"]) for record in group])
        labels = np.stack([decode_signature(record["label_signature"]) for record in group])
        own = np.array([_coarse_dice(label, one[None])[0] for label, one in zip(labels, predictions, strict=True)])
        shown = labels.any(1) | predictions.any(1)  # what is empty says nothing about how well labels fit
        fine = np.array([record["status"] == "usual" for record in group])
        right = own[shown & fine]
        usual = float(np.percentile(right, 25)) if len(right) else 1.0
        fitting: dict[int, list[int]] = {}  # the best first
        for place, record in enumerate(group):
            if record["status"] != "suspicious" or not labels[place].any():
                continue
            dice = _coarse_dice(labels[place], predictions)
            dice[place] = 0.0
            fits = (dice >= usual) & (1 - dice <= EXPLAINS * (1 - own[place]))
            fitting[place] = [int(index) for index in np.argsort(-dice) if fits[index]]
            if best := fitting[place][:MOST_CANDIDATES]:
                names = [str(group[index]["case"]) for index in best]
                record["candidates"] = " ".join(names)
                record["kind"] = "another case's label"
                record["finding"] = f"fits the prediction of {' or '.join(names)}"
        for place, others in fitting.items():
            mutual = [other for other in others if place in fitting.get(other, ())]
            if mutual:
                group[place]["exchanged_with"] = name = str(group[mutual[0]]["case"])
                group[place]["finding"] = f"looks exchanged with the label of {name}"


def _coarse_dice(label: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    total = label.sum() + predictions.sum(1)
    return 2 * np.minimum(label, predictions).sum(1) / np.maximum(total, 1e-6)


def summarize(
    records: Sequence[Mapping[str, Any]], failed: int = 0, order: Mapping[str, float] | None = None
) -> dict[str, Any]:
    """What the labels of a data set are like.

    Args:
        records: of `rank_records`.
        failed: cases that could not be read.
        order: place of each case, for `annotator_habits`; None takes that of the names.

    Returns:
        ``cases``, ``judged``, ``not_judged``, ``failed``, ``suspicious``, ``share_suspicious``; ``expected_wrong`` (the
        sum of the probabilities); ``expected_dice`` (mean of the judged, of the labels with the truth); ``exchanged``
        (pairs of cases); ``kinds`` (how many suspicious cases by kind); ``structures``, ``missing``, ``share_missing``
        (of the predicted connected parts, in the judged cases); ``border`` (a and b in mm with 95 % intervals, from the
        usual cases, or None); ``border_relative`` (a by the radius of the median part); ``dice`` (median of the
        judged); ``habits`` (of who drew the labels, `annotator_habits`); ``far_off`` (cases that are usual with an
        expected Dice below ½, as one wrong label among few may be); and ``advice``.
    """
    judged = [record for record in records if record["status"] != "not judged"]
    wrong = [record for record in judged if record["status"] == "suspicious"]
    kinds: dict[str, int] = {}
    for record in wrong:
        kinds[record["kind"]] = kinds.get(record["kind"], 0) + 1
    pairs = {tuple(sorted((r["case"], r["exchanged_with"]))) for r in wrong if r["exchanged_with"]}
    structures, missing = (sum(record[name] for record in judged) for name in ("structures", "missing"))
    fine = [np.asarray(record["products"]) for record in judged if record["status"] == "usual"]
    border = estimate_border_noise(fine)
    radii = [record["radius_mm"] for record in judged if record["radius_mm"]]
    relative = border.a / float(np.median(radii)) if border is not None and radii and _is_number(border.a) else None
    summary: dict[str, Any] = {
        "cases": len(records) + failed,
        "judged": len(judged),
        "not_judged": len(records) - len(judged),
        "failed": failed,
        "suspicious": len(wrong),
        "share_suspicious": _share(len(wrong), len(judged)),
        "expected_wrong": round(sum(record["wrong_probability"] for record in judged), 1),
        "expected_dice": _mean([record["expected_dice"] for record in judged]),
        "exchanged": sorted(pairs),
        "kinds": dict(sorted(kinds.items(), key=lambda pair: -pair[1])),
        "structures": structures,
        "missing": missing,
        "share_missing": _share(missing, structures),
        "border": None if border is None else _plain(border),
        "border_relative": None if relative is None else round(relative, 4),
        "dice": round(float(np.median([record["dice"] for record in judged])), 4) if judged else None,
        "habits": annotator_habits(records, order),
        "far_off": [r["case"] for r in judged if r["status"] == "usual" and r["expected_dice"] < FAR_OFF],
    }
    return {**summary, "advice": advice(summary)}


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if _is_number(value)]
    return round(float(np.mean(finite)), 4) if finite else None


def _share(part: int, total: int) -> float | None:
    return round(part / total, 4) if total else None


def _plain(border: BorderNoise) -> dict[str, Any]:
    def shown(value: float) -> float | None:
        return float(f"{value:.4g}") if math.isfinite(value) else None

    return {
        "a_mm": shown(border.a),
        "b_mm": shown(border.b),
        "a_interval": [shown(value) for value in border.a_interval],
        "b_interval": [shown(value) for value in border.b_interval],
        "cases": border.cases,
    }
