"""How the annotators compare, from the records of all cases."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from common.metrics.agreement import fleiss_kappa, pairwise_dice
from common.metrics.bootstrap import Interval, bootstrap_ratio
from common.metrics.krippendorff import krippendorff_alpha

__all__ = ["Agreement", "AnnotatorSummary", "agreement", "disputed_share", "summarize_annotators", "trouble_sentences"]

Record = Mapping[str, Any]


@dataclass(frozen=True)
class AnnotatorSummary:
    """One annotator and one class, over all cases.

    Attributes:
        annotator: name.
        class_index: of the class.
        cases: that the annotator labeled.
        truth: p(says this class | the truth is j) for each class j, a row of the confusion matrix; nan where the truth
            never is j.
        sensitivity: p(says the class | the truth is the class).
        specificity: p(does not say the class | the truth is another).
        volume_bias: mean over the cases of annotator − consensus, mL or pixels; nan of the background.
        border_shift: mean over the cases in which both have the class, mm or pixels; nan of the background.
    """

    annotator: str
    class_index: int
    cases: int
    truth: tuple[float, ...]
    sensitivity: Interval
    specificity: Interval
    volume_bias: Interval
    border_shift: Interval


class Agreement(NamedTuple):
    """How far annotators agree with each other.

    Attributes:
        dice: ``(R, R)``, mean over the cases that both labeled; nan without one.
        cases: ``(R, R)``, how many these are.
        kappa: Fleiss' κ of all voxels of all cases.
        alpha: Krippendorff's α of the same.
    """

    dice: np.ndarray
    cases: np.ndarray
    kappa: float
    alpha: float


def summarize_annotators(
    records: Sequence[Record], annotators: Sequence[str], num_classes: int, samples: int = 2000, seed: int = 0
) -> list[AnnotatorSummary]:
    """The table of the annotators.

    Sensitivity and specificity are ratios of voxels summed over the cases, so that large cases count more, with
    `common.metrics.bootstrap_ratio`'s intervals over cases; each voxel counts with the probability of its true class.

    Args:
        records: of `fuse_case`.
        annotators: names of all.
        num_classes: L.
        samples: of the bootstrap.
        seed: of the bootstrap.

    Returns:
        One for each annotator and class.

    Example:
        >>> record = {"annotators": ["AR"], "joint": [[[6, 1], [2, 3]]], "voxels": [[[7, 8], [5, 4]]]}
        >>> record |= {"spacing": None, "voxel_mm3": None, "shift": [[None, 0.5]]}
        >>> found = summarize_annotators([record], ["AR"], num_classes=2)[1]
        >>> found.sensitivity.estimate, found.volume_bias.estimate
        (0.75, 1.0)
    """
    joint = np.array([record["joint"] for record in records], dtype=np.float64).reshape(
        len(records), len(annotators), num_classes, num_classes
    )
    rows = []
    for row, name in enumerate(annotators):
        present = np.array([name in record["annotators"] for record in records], dtype=bool)
        mass = joint[:, row].sum(1)  # (cases, truth)
        total = joint[:, row].sum(0)
        for one in range(num_classes):
            others = mass.sum(1) - mass[:, one]
            refused = others - (joint[:, row, one].sum(1) - joint[:, row, one, one])
            volume, shift = _sizes(records, present, row, one)
            truth = [float(column[one] / column.sum()) if column.any() else math.nan for column in total.T]
            rows.append(
                AnnotatorSummary(
                    annotator=name,
                    class_index=one,
                    cases=int(present.sum()),
                    truth=tuple(truth),
                    sensitivity=bootstrap_ratio(joint[:, row, one, one], mass[:, one], samples, seed=seed),
                    specificity=bootstrap_ratio(refused, others, samples, seed=seed),
                    volume_bias=bootstrap_ratio(volume, np.ones(len(volume)), samples, seed=seed),
                    border_shift=bootstrap_ratio(shift, np.ones(len(shift)), samples, seed=seed),
                )
            )
    return rows


def _sizes(records: Sequence[Record], present: np.ndarray, row: int, one: int) -> tuple[list[float], list[float]]:
    """Volume bias and border shift of each case, nan where there is none."""
    volume, shift = [], []
    for record, here in zip(records, present, strict=True):
        if not here or not one:
            continue
        drawn, agreed = record["voxels"][row][one]
        unit = record["voxel_mm3"] / 1000 if record["spacing"] else 1.0
        volume.append((drawn - agreed) * unit)
        moved = record["shift"][row][one]
        shift.append(math.nan if moved is None else moved)
    return volume, shift


def agreement(records: Sequence[Record], num_annotators: int) -> Agreement:
    """How far the annotators agree with each other, whatever the consensus.

    Args:
        records: of `fuse_case`, at least one.
        num_annotators: R.

    Returns:
        `Agreement`.

    Example:
        >>> record = {"patterns": [[0, 0], [1, 1], [1, 0]], "counts": [6, 3, 2]}
        >>> agreement([record], num_annotators=2).dice.round(2).tolist()
        [[1.0, 0.75], [0.75, 1.0]]
    """
    total = np.zeros((num_annotators, num_annotators))
    known = np.zeros((num_annotators, num_annotators), dtype=int)
    merged: dict[tuple[int, ...], int] = {}
    for record in records:
        patterns = torch.tensor(record["patterns"]).view(-1, num_annotators)
        counts = torch.tensor(record["counts"])
        dice = pairwise_dice(patterns.T, counts).numpy()
        total += np.nan_to_num(dice)
        known += ~np.isnan(dice)
        for pattern, count in zip(record["patterns"], record["counts"], strict=True):
            merged[tuple(pattern)] = merged.get(tuple(pattern), 0) + count
    with np.errstate(invalid="ignore"):
        mean = total / np.where(known, known, np.nan)
    everything = torch.tensor(list(merged)).view(-1, num_annotators).T
    often = torch.tensor(list(merged.values()))
    return Agreement(mean, known, float(fleiss_kappa(everything, often)), float(krippendorff_alpha(everything, often)))


def disputed_share(record: Record) -> float:
    """The share of disputed voxels among those that somebody called foreground: 0 where all agree, 1 where none do.

    Args:
        record: of `fuse_case`.

    Returns:
        In [0, 1]; 0 where nobody marked anything.

    Example:
        >>> disputed_share({"disputed": 1, "marked": 4})
        0.25
    """
    return record["disputed"] / record["marked"] if record["marked"] else 0.0


def trouble_sentences(
    records: Sequence[Record], annotators: Sequence[str], method: str, region: str = "all"
) -> list[str]:
    """What a reader of the consensus has to know, a sentence each; nothing where there is no trouble.

    Args:
        records: of `fuse_case`.
        annotators: names of all.
        method: of fusion.
        region: ``all`` or ``disputed``.

    Returns:
        The sentences, with the number of cases and the first of them.

    Example:
        >>> record = {"case": "a", "annotators": ["AR", "HS"], "disputed": 0, "ties": 0, "overruled": 0, "empty": [1]}
        >>> record |= {"converged": True, "few_disputed": False, "marked": 9}
        >>> trouble_sentences([record], ["AR", "HS"], "majority")[1][:38]
        'HS marked nothing in 1 of 1 cases (a) '
    """
    estimated = method in ("staple", "spatial_staple")

    def cases(found: Sequence[Record]) -> str:
        first = found[0]["case"]
        return f"{len(found)} of {len(records)} cases" + (f" ({first})" if len(found) == 1 else f" (first: {first})")

    said = []
    split = [record for record in records if record["disputed"]]
    two = [record for record in split if len(record["annotators"]) == 2]
    if two and estimated:
        said.append(
            f"{cases(two)} have two annotators who differ. Two annotators do not tell who is right: many pairs of "
            "confusion matrices explain their labels equally well, and STAPLE's answer is the one that it reaches from "
            "its start, in which both count alike. Where one mask lies within the other, the voxels between them are "
            "exactly undecided, and the smaller class is taken. Sensitivities then say how far the two agree, not how "
            "good they are."
        )
    elif two:
        said.append(
            f"{cases(two)} have two annotators who differ: where they do no class has a majority, and the smaller "
            "class is taken, so that the consensus is the smaller of two nested masks."
        )
    agreed = [record for record in records if not record["disputed"] and len(record["annotators"]) > 1]
    if agreed:
        said.append(
            f"In {cases(agreed)} all annotators agree: their label is the consensus, and nothing is learned of who is "
            "better; they enter the table as free of errors."
        )
    alone = [record for record in records if len(record["annotators"]) == 1]
    if alone:
        said.append(f"{cases(alone)} have one annotator, whose label is the consensus and is compared with itself.")
    for row, name in enumerate(annotators):
        empty = [record for record in records if row in record["empty"]]
        if empty:
            said.append(
                f"{name} marked nothing in {cases(empty)} where others did. That counts as an opinion (all "
                "background); if the case was skipped, remove the file, so that it is not labeled."
            )
    few = [record for record in records if record["few_disputed"]]
    if few and method == "staple" and region == "all":
        said.append(
            f"In {cases(few)} less than 1 % of the voxels are disputed: background on which all agree decides the "
            "prior and makes every specificity nearly 1. --region disputed estimates from the disputed voxels alone."
        )
    overruled = [record for record in records if record["overruled"]]
    if overruled:
        said.append(
            f"In {cases(overruled)} voxels on whose class all annotators agree have another class in the consensus "
            f"({sum(record['overruled'] for record in overruled)} voxels in all). Look at them: by majority, "
            "or by staple with --region disputed, they keep their class."
        )
    if region == "disputed":
        said.append(
            "The region is where annotators disagree: sensitivities, specificities and confusion matrices are of these "
            "voxels, and lower than over whole images. What all agree on is taken as it is."
        )
    tied = sum(record["ties"] for record in records)
    if tied:
        taken = "count as the smallest where classes are compared" if method == "mean" else "got the smallest"
        said.append(
            f"{tied} voxels of {cases([record for record in records if record['ties']])} have several equally probable "
            f"classes and {taken}, background first."
        )
    unfinished = [record for record in records if not record["converged"]]
    if unfinished:
        said.append(f"In {cases(unfinished)} {method} did not converge; --max_iterations allows more iterations.")
    return said
