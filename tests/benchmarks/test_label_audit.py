"""The benchmark of the audit: labels with known errors, and what is counted of the scores."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.atlas.data_sets import Case
from benchmarks.label_audit.__main__ import show
from benchmarks.label_audit.errors import ERRORS, errors_for, spoil
from benchmarks.label_audit.results import SCORES, average_precision, named, placements, summarize
from benchmarks.label_audit.tables import all_tables
from common.errors import InputError
from common.noise import relative_change

REPOSITORY = Path(__file__).parents[2]


def case(number: int, slices: int = 6) -> Case:
    """Two structures side by side in each slice but the first and last, shifted by the case's number."""
    label = torch.zeros(slices, 24, 24, dtype=torch.long)
    label[1:-1, 4 + number % 5 : 14 + number % 5, 3:11] = 1
    label[1:-1, 4 + number % 5 : 14 + number % 5, 11:19] = 2
    return Case(f"case_{number}", torch.zeros(slices, 1, 24, 24), label, subject=f"subject_{number // 2}")


CASES = [case(number) for number in range(20)]
CLEAN = {one.name: one.label for one in CASES}


@pytest.mark.parametrize("name", [name for name in ERRORS if name != "none"])
def test_so_many_labels_are_wrong_as_the_error_says(name):
    found = spoil(CASES, name, seed=0)
    assert len(found) == round(ERRORS[name].share * len(CASES))
    assert all(not torch.equal(wrong.label, CLEAN[key]) for key, wrong in found.items())
    again, other = spoil(CASES, name, seed=0), spoil(CASES, name, seed=1)
    assert {key: wrong.label.sum() for key, wrong in found.items()} == {k: w.label.sum() for k, w in again.items()}
    assert set(other) != set(found) or len(found) == len(CASES)


def test_morphology_changes_one_structure_by_its_share_in_one_direction():
    found = spoil(CASES, "morphology α 0.3, β 0.5", seed=0)
    for key, wrong in found.items():
        changed = [one for one in (1, 2) if not torch.equal(wrong.label == one, CLEAN[key] == one)]
        grown = [int((wrong.label == one).sum()) - int((CLEAN[key] == one).sum()) for one in (1, 2)]
        if wrong.kinds == ("too small",):
            assert len(changed) == 1 and min(grown) < 0
        elif wrong.kinds == ("displaced",):
            inner = wrong.label[1:-1]
            assert torch.equal(inner, inner[:1].expand_as(inner))  # every slice alike
        structure = changed[0] if len(changed) == 1 else int(np.argmax(np.abs(grown))) + 1
        assert 0.3 < relative_change(wrong.label == structure, CLEAN[key] == structure) < 0.8


def test_missing_exchanged_shifted_and_another_subjects_label():
    (key, wrong), *_ = spoil(CASES, "structure missing", 0).items()
    assert sorted(wrong.label.unique().tolist()) in ([0, 1], [0, 2])
    (key, wrong), *_ = spoil(CASES, "classes exchanged", 0).items()
    assert torch.equal(wrong.label, torch.tensor([0, 2, 1])[CLEAN[key]])
    for key, wrong in spoil(CASES, "shifted by two slices", 0).items():
        up, down = torch.zeros_like(wrong.label), torch.zeros_like(wrong.label)
        up[2:], down[:-2] = CLEAN[key][:-2], CLEAN[key][2:]
        assert torch.equal(wrong.label, up) or torch.equal(wrong.label, down)
    subjects = {one.name: one.subject for one in CASES}
    for key, wrong in spoil(CASES, "another case's label", 0).items():
        givers = [name for name, label in CLEAN.items() if torch.equal(label, wrong.label)]
        assert givers and any(subjects[name] != subjects[key] for name in givers)


def test_a_label_of_other_height_is_stretched_and_an_empty_one_stays():
    empty = Case("empty", torch.zeros(4, 1, 24, 24), torch.zeros(4, 24, 24, dtype=torch.long), subject="nobody")
    for seed in range(5):
        found = spoil([case(0, slices=10), case(2), empty], "morphology α 0.3, β 0.3", seed)
        assert "empty" not in found
    cases = [case(0, slices=10), *[case(number) for number in range(2, 22)]]
    found = [wrong for seed in range(8) for wrong in spoil(cases, "another case's label", seed).items()]
    assert all(len(wrong.label) == (10 if key == "case_0" else 6) for key, wrong in found)


def test_errors_that_a_data_set_can_have():
    assert "shifted by two slices" not in errors_for(2, 2) and "classes exchanged" not in errors_for(3, 1)
    with pytest.raises(InputError, match="expected one of none"):
        spoil(CASES, "nothing", 0)


def test_placements_and_precisions_by_counting():
    random = np.random.default_rng(0)
    wrong, right = random.integers(0, 9, 7).astype(float), random.integers(3, 12, 11).astype(float)
    pairs = [(w < r) + 0.5 * (w == r) for w in wrong for r in right]
    assert placements(wrong, right).mean() == pytest.approx(np.mean(pairs))
    score, which = random.permutation(18), np.arange(18) < 7  # no ties
    order = score.argsort()
    precisions = [which[order][: rank + 1].mean() for rank in range(18) if which[order][rank]]
    assert average_precision(score, which) == pytest.approx(np.mean(precisions))
    assert average_precision(np.zeros(4), np.array([True, False, False, False])) == 0.25


def test_kinds_are_counted_of_what_is_found_at_95_percent():
    cases = [{"rank": rank, "kind": "missing", "kinds": ["missing"] if rank <= 19 else []} for rank in range(1, 41)]
    assert named(cases) == (19, 19)
    cases[18]["kind"] = "fine"
    assert named(cases[::-1]) == (18, 19)
    assert named([{"rank": 1, "kind": "fine", "kinds": []}]) == (0, 0)


def test_the_page_shows_the_results_file():
    assert show(REPOSITORY / "docs/results/label_audit.json", REPOSITORY, check=True)


def test_the_tables_show_what_was_scored():
    random = np.random.default_rng(0)

    def training(error: str, seed: int) -> dict:
        rows = []
        for number in range(40):
            wrong = number < 8 and error != "none"
            scores = {score: float(random.normal(-3 * wrong)) for score in SCORES}
            status = "suspicious" if wrong else "usual"
            rows.append({"case": str(number), "kinds": ["missing"] * wrong, "rank": number + 1, "status": status})
            rows[-1] |= {"kind": "missing" if wrong else "fine", "wrong_probability": 0.95 * wrong, **scores}
        pixels = {"false_label": 0.9, "1 - p": 0.8, "pixel_issues": 0.7} if error != "none" else None
        return {"data_set": "acdc", "error": error, "seed": seed, "cases": rows, "pixels": pixels}

    cells = summarize([training(error, seed) for error in ("none", "structure missing") for seed in (1, 0)])
    assert [cell["seeds"] for cell in cells] == [[0, 1], [0, 1]] and cells[1]["wrong"] == 16
    assert cells[1]["flagged"] == {"wrong": 16, "right": 0} and cells[1]["named"] == cells[1]["found"] == 16
    text = all_tables(cells)
    assert "40 cases; seeds: 2." in text and "| none | 0 of 0 | 0 of 80 |" in text
    assert "| 0.9 to 1 | 16 of 16 (15) |" in text
    assert "16 of 16 (100%)" in text and "| structure missing | 16 of 16 | 0 of 64 | 16 of 16 | 0.900 |" in text
