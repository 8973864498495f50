"""From records of cases to a ranking and what the data set is like.

**Which cases are suspicious.** The deficit of a case is x = log(1 − score). Most labels are taken to be drawn around
their predictions: the median of x is the center of these, and since wrong labels only add large deficits, their spread
is the median distance of the lower half from it, times 1.4826 (the standard deviation, were they Gaussian). The
suspicion of a case is its distance from the center in spreads. A case is suspicious if it lies at least `SUSPICIOUS` =
2.5 spreads off (of Gaussian deficits, one right label in 160) **and** its score is below `LEAST_SCORE` = 1/3: the
prediction explains less than a third of what there is to explain. The second condition keeps labels from being flagged
that are unusual, but not by much, in a data set of steady labels; real deficits have longer tails than Gaussian ones.

All others are **usual**. A part that is missing in a usual label has its kind there, too.

**Not judged** are cases in which the network is unsure: a ``certainty`` below 0.75 (as of a structure in which the
probability is 0.6, and 0 around it). They do not count in the above.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.audit.border import BorderNoise, estimate_border_noise
from common.audit.cases import decode_signature
from common.errors import counted

__all__ = ["LEAST_CERTAINTY", "LEAST_SCORE", "SUSPICIOUS", "advice", "rank_records", "summarize", "suspicions"]

SUSPICIOUS = 2.5
LEAST_SCORE = 1 / 3
LEAST_CERTAINTY = 0.75
LEAST_SPREAD = 0.05  # of log deficits: 5 %
SMALLEST_DEFICIT = 1e-4
MOST_CANDIDATES = 3
EXPLAINS = 0.5  # of what the label differs from its own prediction
MANY_WRONG, MANY_MISSING, SHAKY = 0.05, 0.05, 0.1
FEW_CASES = 8
Record = dict[str, Any]


def suspicions(scores: Sequence[float]) -> np.ndarray:
    """How many spreads each case lies from the center of those that are right, see the head of this module.

    Args:
        scores: of the cases that were judged, at most 1 each.

    Returns:
        (N,) from below 0 (better than usual) up.

    Example:
        >>> float(suspicions([0.9, 0.91, 0.89, 0.9, 0.2])[-1]) > 10
        True
    """
    if not len(scores):
        return np.zeros(0)
    deficit = np.log(np.maximum(1 - np.asarray(scores, float), SMALLEST_DEFICIT))
    center = float(np.median(deficit))
    lower = center - deficit[deficit <= center]
    return (deficit - center) / max(LEAST_SPREAD, 1.4826 * float(np.median(lower)))


def rank_records(
    records: Sequence[Mapping[str, Any]],
    least_certainty: float = LEAST_CERTAINTY,
    suspicious: float = SUSPICIOUS,
    least_score: float = LEAST_SCORE,
) -> list[Record]:
    """Records with ``suspicion``, ``status``, ``candidates`` and ``rank``, the most suspicious first.

    Args:
        records: of `case_record`.
        least_certainty: below which a case is ``not judged``.
        suspicious: suspicion from which a case is ``suspicious``, if its score is
        least_score: below this.

    Returns:
        New records: suspicious ones, then the usual ones, then those that were not judged. Only usual labels are
        ``fine``: a suspicious one of which nothing was found is ``border shaky``, another ``not judged``. A suspicious
        label that fits the prediction of another case as well as labels usually fit their own gets the kind ``another
        case's label`` and these cases as ``candidates``.
    """
    judged = [record for record in records if record["certainty"] >= least_certainty and _is_number(record["score"])]
    found = dict(zip((r["case"] for r in judged), suspicions([r["score"] for r in judged]), strict=True))
    ranked: list[Record] = []
    for record in records:
        value = found.get(record["case"])
        wrong = value is not None and value >= suspicious and record["score"] < least_score
        status = "not judged" if value is None else "suspicious" if wrong else "usual"
        ranked.append({**record, "status": status, "suspicion": None if value is None else float(value)})
    for record in ranked:
        if record["kind"] == "fine" and record["status"] != "usual":
            unsure = record["status"] == "not judged"
            record["kind"] = "not judged" if unsure else "border shaky"
            record["finding"] = "the network is unsure" if unsure else "differs more than usual, nowhere by much"
            record["kinds"] = []
    _find_candidates(ranked)
    order = ("suspicious", "usual", "not judged")
    ranked.sort(key=lambda r: (order.index(r["status"]), -(r["suspicion"] or 0.0), r["case"]))
    return [{"rank": place, **record} for place, record in enumerate(ranked, start=1)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _find_candidates(records: Sequence[Record]) -> None:
    """Names for each suspicious case those whose prediction its label fits."""
    by_size: dict[int, list[Record]] = {}
    for record in records:
        record["candidates"] = ""
        by_size.setdefault(len(record["prediction_signature"]), []).append(record)
    for group in by_size.values():
        predictions = np.stack([decode_signature(record["prediction_signature"]) for record in group])
        labels = np.stack([decode_signature(record["label_signature"]) for record in group])
        own = np.array([_coarse_dice(label, one[None])[0] for label, one in zip(labels, predictions, strict=True)])
        right = own[[record["status"] == "usual" for record in group]]
        usual = float(np.percentile(right, 25)) if len(right) else 1.0
        for place, record in enumerate(group):
            if record["status"] != "suspicious" or not labels[place].any():
                continue
            dice = _coarse_dice(labels[place], predictions)
            dice[place] = 0.0
            fits = (dice >= usual) & (1 - dice <= EXPLAINS * (1 - own[place]))
            best = [int(index) for index in np.argsort(-dice) if fits[index]][:MOST_CANDIDATES]
            if best:
                names = [str(group[index]["case"]) for index in best]
                record["candidates"] = " ".join(names)
                record["kind"] = "another case's label"
                record["finding"] = f"fits the prediction of {' or '.join(names)}"


def _coarse_dice(label: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    total = label.sum() + predictions.sum(1)
    return 2 * np.minimum(label, predictions).sum(1) / np.maximum(total, 1e-6)


def summarize(records: Sequence[Mapping[str, Any]], failed: int = 0) -> dict[str, Any]:
    """What the labels of a data set are like.

    Args:
        records: of `rank_records`.
        failed: cases that could not be read.

    Returns:
        ``cases``, ``judged``, ``not_judged``, ``failed``, ``suspicious``, ``share_suspicious``; ``kinds`` (how many
        suspicious cases by kind); ``structures``, ``missing``, ``share_missing`` (of the predicted connected parts, in
        the judged cases); ``border`` (a and b in mm with 95 % intervals, from the usual cases, or None);
        ``border_relative`` (a by the radius of the median part); ``dice`` (median of the judged); and ``advice``.
    """
    judged = [record for record in records if record["status"] != "not judged"]
    wrong = [record for record in judged if record["status"] == "suspicious"]
    kinds: dict[str, int] = {}
    for record in wrong:
        kinds[record["kind"]] = kinds.get(record["kind"], 0) + 1
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
        "kinds": dict(sorted(kinds.items(), key=lambda pair: -pair[1])),
        "structures": structures,
        "missing": missing,
        "share_missing": _share(missing, structures),
        "border": None if border is None else _plain(border),
        "border_relative": None if relative is None else round(relative, 4),
        "dice": round(float(np.median([record["dice"] for record in judged])), 4) if judged else None,
    }
    return {**summary, "advice": advice(summary)}


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


def advice(summary: Mapping[str, Any]) -> str:
    """Which bundle to use, by a rule: the first that holds.

    1. Fewer than 8 cases were judged: nothing can be said.
    2. At least 5 % are suspicious: ``t_loss``.
    3. At least 5 % of the structures are missing: ``soft_label_apl``.
    4. a is at least a tenth of the radius of the median structure: ``marginal_thresholding``.
    5. Otherwise plain training is enough.

    Args:
        summary: of `summarize`.

    Returns:
        A sentence or two.

    Example:
        >>> advice({"judged": 50, "share_suspicious": 0.0, "share_missing": 0.0, "border_relative": 0.02})[:28]
        'Plain training is enough: no'
    """
    if summary["judged"] < FEW_CASES:
        return f"Only {counted(summary['judged'], 'case')} could be judged: too few to say what the labels are like."
    if (share := summary["share_suspicious"] or 0.0) >= MANY_WRONG:
        return (
            f"Use t_loss: {share:.0%} of the labels are suspicious, and it discounts labels that are wrong as a whole. "
            "Or correct the labels that come first below, or leave them out by weights.csv."
        )
    if (share := summary["share_missing"] or 0.0) >= MANY_MISSING:
        return f"Use soft_label_apl: {share:.0%} of the predicted structures are not labeled."
    if (relative := summary["border_relative"] or 0.0) >= SHAKY:
        return (
            f"Use marginal_thresholding: borders are shaky by {relative:.0%} of the radius of a structure, so that the "
            "threshold matters that maximizes the expected Dice."
        )
    return (
        "Plain training is enough: no more than a few labels are suspicious, few structures are missing, and borders "
        "are steady for the size of the structures."
    )
