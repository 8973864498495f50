"""Which method to use, from the errors that the audit has estimated: one table, and the sentence made of it.

Of `RULES` the first counts whose measure reaches its limit. What they advise is what gained in the atlas under such
errors (docs/choosing.md); the limits are a choice, and were not fitted. Whoever measures more changes this table, and
nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from common.errors import counted, shown_names

__all__ = ["FEW_CASES", "RULES", "Rule", "advice"]

FEW_CASES = 8


@dataclass(frozen=True)
class Rule:
    """A line of the table.

    Attributes:
        measure: key of `summarize`'s result.
        limit: from which on the rule holds.
        use: a bundle, and its options.
        found: a clause that says what was found, with ``{value}``.
        evidence: a sentence: what was measured under such errors.
        error: of the cells of docs/results/atlas.json that say so.
    """

    measure: str
    limit: float
    use: str
    found: str
    evidence: str
    error: str


DICE_CE = "t_loss with --loss_name dice_ce, cross-entropy with soft Dice"

RULES = (
    Rule(
        "share_suspicious",
        0.05,
        DICE_CE,
        "{value:.0%} of the labels are suspicious. Alternatively, correct the labels at the top of the "
        "list, or leave them out by weights.csv",
        "With every third label wrong, this loss was better than plain cross-entropy in lungs and hearts, and level "
        "with it in hippocampi. T-Loss itself gained more for one structure, or several of one size, but lost "
        "structures of the heart.",
        "morphology_0.3",
    ),
    Rule(
        "share_missing",
        0.05,
        DICE_CE,
        "{value:.0%} of the predicted structures are not labeled",
        "With structures missing in a part of the labels, this loss was better than plain cross-entropy in lungs, "
        "hearts and hippocampi. With several annotators, soft_label_apl keeps what one of them missed.",
        "missing",
    ),
    Rule(
        "border_relative",
        0.1,
        DICE_CE,
        "borders deviate by {value:.0%} of the radius of a structure",
        "With shaky borders, this loss was better than plain cross-entropy in lungs and hearts, and level with it in "
        "hippocampi. For structures as thin as the walls of the heart, the threshold of marginal_thresholding gained, "
        "too.",
        "gaussian_field",
    ),
)
UNSURE = "train it longer, or look at those of them that come first in the list, whose labels surprise it most"
SOURCE = "Measured in the atlas (docs/choosing.md)."


def advice(summary: Mapping[str, Any]) -> str:
    """Which method to use, by `RULES`, or that plain training will do.

    Args:
        summary: of `summarize`.

    Returns:
        A few sentences; of fewer than 8 judged cases that nothing can be said.

    Example:
        >>> advice({"judged": 50, "share_suspicious": 0.0, "share_missing": 0.0, "border_relative": 0.02})[:28]
        'Plain training will do, by w'
    """
    far_off = summary.get("far_off")
    also = f" Not suspicious, but with an expected Dice below one half: {shown_names(far_off)}." if far_off else ""
    if summary["judged"] < FEW_CASES:
        judged = f"Only {counted(summary['judged'], 'case')}" if summary["judged"] else "No case"
        whom = "the rest" if summary["judged"] else "them"
        unsure = f" The network is unsure of {whom}: {UNSURE}." if summary.get("not_judged") else ""
        return f"{judged} could be judged: too few to say what the labels are like.{unsure}{also}"
    if summary.get("not_judged", 0) > summary["judged"]:
        cases = summary["judged"] + summary["not_judged"]
        rests = f"This rests on {summary['judged']} of {cases} cases: the network is unsure of the others; {UNSURE}."
        also += f" {rests}"
    for rule in RULES:
        value = summary[rule.measure] or 0.0
        if value >= rule.limit:
            return f"Use {rule.use}: {rule.found.format(value=value)}. {rule.evidence} {SOURCE}{also}"
    return (
        "Plain training will do, by what stands apart: few or no labels are suspicious, few structures are missing, "
        "and borders deviate little compared with the size of the structures. Errors that do not stand apart are not "
        f"counted: look at the first labels of the list.{also}"
    )
