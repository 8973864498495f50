"""Which bundle to use, from the errors that the audit has estimated: one table, and the sentence made of it.

Of `RULES` the first counts whose measure reaches its limit. The limits are a choice, guided by what was measured of
each method (docs/results); they were not fitted. Whoever measures more changes this table, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import counted

__all__ = ["FEW_CASES", "RULES", "Rule", "advice"]

FEW_CASES = 8


@dataclass(frozen=True)
class Rule:
    """A line of the table.

    Attributes:
        measure: key of `summarize`'s result.
        limit: from which on the rule holds.
        bundle: name.
        found: a clause that says what was found, with ``{value}``.
        evidence: a sentence: what was measured of this bundle under such errors, and where it is written.
    """

    measure: str
    limit: float
    bundle: str
    found: str
    evidence: str


RULES = (
    Rule(
        "share_suspicious",
        0.05,
        "t_loss",
        "{value:.0%} of the labels are suspicious as a whole, and it discounts such labels. Or correct the labels that "
        "come first below, or leave them out by weights.csv",
        "With 70 % of the training masks of radiographs made wrong, it reached a Dice of 0.863 where "
        "cross-entropy had 0.834, one seed (docs/results/t_loss_claim.json). With 30 % wrong it gained a point in "
        "lungs and hippocampi and lost structures of the heart, where cross-entropy with soft Dice gained "
        "(docs/choosing.md).",
    ),
    Rule(
        "share_missing",
        0.05,
        "soft_label_apl",
        "{value:.0%} of the predicted structures are not labeled, and soft labels of several annotators keep what one "
        "of them missed",
        "On phantom lesions soft labels found more than the majority vote did, three seeds that differ much; with one "
        "annotator there is nothing to soften (docs/results/soft_label_apl_phantom_unet.json).",
    ),
    Rule(
        "border_relative",
        0.1,
        "marginal_thresholding",
        "borders are shaky by {value:.0%} of the radius of a structure, so that the threshold matters that maximizes "
        "the expected Dice",
        "On hippocampi whose training labels had fields of a = 0.06, it raised the Dice with such labels from 0.33 to "
        "0.46 against cross-entropy cut at one half, three seeds, p = 0.001; soft Dice cut at one half did as well "
        "(docs/results/marginal_thresholding_hippocampus.json).",
    ),
)


def advice(summary: Mapping[str, Any]) -> str:
    """Which bundle to use, by `RULES`, or that plain training is enough.

    Args:
        summary: of `summarize`.

    Returns:
        A few sentences; of fewer than 8 judged cases that nothing can be said.

    Example:
        >>> advice({"judged": 50, "share_suspicious": 0.0, "share_missing": 0.0, "border_relative": 0.02})[:28]
        'Plain training is enough: no'
    """
    if summary["judged"] < FEW_CASES:
        return f"Only {counted(summary['judged'], 'case')} could be judged: too few to say what the labels are like."
    for rule in RULES:
        value = summary[rule.measure] or 0.0
        if value >= rule.limit:
            return f"Use {rule.bundle}: {rule.found.format(value=value)}. {rule.evidence}"
    return (
        "Plain training is enough: no more than a few labels are suspicious, few structures are missing, and borders "
        "are steady for the size of the structures."
    )
