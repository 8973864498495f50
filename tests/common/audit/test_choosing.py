"""What the audit advises is what the atlas measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from common.audit.choosing import DICE_CE, RULES, Rule, advice

REPOSITORY = Path(__file__).parents[3]
ATLAS = json.loads((REPOSITORY / "docs/results/atlas.json").read_text(encoding="utf-8"))


NAMES = {"shenzhen": "lungs", "acdc": "hearts", "hippocampus": "hippocampi"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.measure)
def test_what_is_advised_gained_significantly_where_it_is_said_and_lost_nowhere(rule: Rule) -> None:
    assert rule.use == DICE_CE
    cells = [cell for cell in ATLAS["cells"] if cell["error"] == rule.error]
    assert {cell["data_set"] for cell in cells} == set(NAMES)
    better = rule.evidence.split(".")[0].split("level with")[0]
    for cell in cells:
        (row,) = (row for row in cell["rows"] if row["row"] == "CE + soft Dice")
        assert row["difference"] > 0, cell["data_set"]
        assert (row["p_holm"] < 0.05) == (NAMES[cell["data_set"]] in better), cell["data_set"]


@pytest.mark.parametrize(
    "error, row, better, worse",
    [
        ("morphology_0.3", "T-Loss", {"shenzhen", "hippocampus"}, {"acdc"}),
        ("gaussian_field", "CE, Dice-optimal threshold", {"acdc"}, set()),
    ],
)
def test_what_is_named_beside_it_gained_where_it_is_said(error: str, row: str, better: set, worse: set) -> None:
    found = {
        cell["data_set"]: entry["difference"]
        for cell in ATLAS["cells"]
        if cell["error"] == error
        for entry in cell["rows"]
        if entry["row"] == row and entry["p_holm"] < 0.05
    }
    assert {name for name, difference in found.items() if difference > 0} == better
    assert {name for name, difference in found.items() if difference < 0} == worse


def test_what_rests_on_few_cases_is_said() -> None:
    """Plain training may do for the cases that the network was sure of; of the others nothing is known."""
    measures = {"share_suspicious": 0.0, "share_missing": 0.0, "border_relative": 0.02}
    for unjudged, said in ((60, True), (49, False)):
        advised = advice({"judged": 50, "not_judged": unjudged, **measures})
        assert "Plain training will do" in advised
        assert (f"This rests on 50 of {50 + unjudged} cases" in advised) == said
