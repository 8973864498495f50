"""Labels by annotator, whatever a data set has: several annotators, one label, or a ground truth to simulate from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from common.datasets import Dataset, annotated, drawn_by, have_ground_truth, labeled_by_each, require_ground_truth
from common.errors import InputError


def dataset(*items: dict[str, Any], annotators: tuple[str, ...] = ()) -> Dataset:
    named = [{"case": name, "subject": name, "image": f"{name}.png"} | item for name, item in zip("abc", items)]  # noqa: B905
    return Dataset("plain", Path("/data"), tuple(named), annotators=annotators)


def test_one_label_is_that_of_one_annotator() -> None:
    found = annotated(dataset({"label": "x.png"}, {"label": "y.png"}))
    assert found.annotators == ("label",)
    assert [item["annotators"] for item in found.items] == [{"label": "x.png"}, {"label": "y.png"}]
    assert not have_ground_truth(found.items)
    assert sum("nothing tells errors from the truth" in note for note in found.notes) == 1


def test_several_annotators_and_a_ground_truth() -> None:
    both = {"annotators": {"AR": "x.png"}, "label": "t.png"}
    found = annotated(dataset(both, both, annotators=("AR", "HS")))
    assert [item["case"] for item in found.items] == ["a", "b"] and found.notes == found.left_out == ()
    assert have_ground_truth(found.items) and not have_ground_truth([])


def test_cases_that_no_annotator_labeled_are_left_out_and_said() -> None:
    """Whether or not they have a ground truth; their images are listed with what else is left out."""
    drawn = {"annotators": {"AR": "x.png"}}
    several = dataset(drawn, {"label": "t.png"}, {"image": ["c0.png", "c1.png"]}, annotators=("AR",))
    found = annotated(replace(several, left_out=(("d", "it has no place in the layout"),)))
    assert found.cases == ("a",)
    assert found.notes == (
        "Left out without annotators: 1 case, the first is c.",
        "Left out: 1 case with a ground truth and no annotator's label, the first is b; this method trains, validates "
        "and tests with annotators' labels.",
    )
    assert found.left_out == (
        ("d", "it has no place in the layout"),
        ("b.png", "its case has a ground truth and no annotator's label"),
        ("c0.png", "no annotator labeled its case"),
    )
    simulated = annotated(dataset(drawn, {"label": "t.png"}, annotators=("AR",)), simulated=["over"])
    assert simulated.left_out == (("a.png", "its case has no ground truth"),)
    assert "Left out without label: 1 case, the first is a." in simulated.notes


def refusal(found: Dataset) -> str:
    with pytest.raises(InputError) as raised:
        require_ground_truth(found, found.items)
    return str(raised.value)


def test_who_may_stand_for_the_ground_truth() -> None:
    """Those who drew every case; where a truth can lie depends on the layout, and some have no such option."""
    names = ("AR", "Dr Ng", "HS")
    everyone, without = ({"annotators": dict.fromkeys(some, "x.png")} for some in (names, names[1:]))
    found = dataset(everyone | {"label": "t.png"}, without, everyone, annotators=names)
    said = refusal(found)
    assert "got 2 of 3 with the labels of annotators alone, the first of them b: put the true mask of each" in said
    assert "--truth 'Dr Ng'" in said
    assert "--truth" not in refusal(dataset({"annotators": {"AR": "x.png"}}, {"annotators": {"HS": "x.png"}}))
    crops = Dataset("lidc", found.root, found.items, annotators=names)
    assert "--truth" not in refusal(crops) and "a datalist" in refusal(crops)
    assert "got 1 of 1 with one label each, the first of them a" in refusal(annotated(dataset({"label": "x.png"})))
    require_ground_truth(found, found.items[:1])
    require_ground_truth(found, [])


def test_simulated_annotators_take_the_place_of_others() -> None:
    both = {"annotators": {"AR": "x.png"}, "label": "t.png"}
    found = annotated(dataset(both, annotators=("AR",)), simulated={"over": "over", "good": "good"})
    assert found.annotators == ("over", "good")
    assert "annotators" not in found.items[0] and found.items[0]["label"] == "t.png"
    with pytest.raises(InputError, match="expected cases with label, got none"):
        annotated(dataset({"annotators": {"AR": "x.png"}}, annotators=("AR",)), simulated=["over"])


def test_who_is_not_there_is_named() -> None:
    data = dataset({"annotators": {"AR": "x.png"}}, annotators=("AR", "HS"))
    with pytest.raises(InputError, match="expected some of AR, HS, but there is no SG"):
        annotated(data, annotators=["AR", "SG"])
    with pytest.raises(InputError, match="HS labeled no training case"):
        labeled_by_each(data.items, data.annotators)
    assert labeled_by_each([{"label": "t.png"}], ["over"]) == [{"label": "t.png"}]  # simulated later


def test_those_whom_a_network_knows() -> None:
    both, other = {"annotators": {"AR": "x.png", "XX": "y.png"}}, {"annotators": {"XX": "y.png"}}
    found = drawn_by(dataset(both, other, other | {"label": "t.png"}, annotators=("AR", "XX")), ("AR", "HS"))
    assert found.annotators == ("AR",) and found.cases == ("a", "c")
    assert found.items[0]["annotators"] == {"AR": "x.png"}
    assert found.items[1]["label"] == "t.png" and "annotators" not in found.items[1]
    assert found.notes[-1] == (
        "The network knows AR; labels of XX are not used. Left out without another label: 1 case, the first is b."
    )
    known = dataset(both, annotators=("AR", "XX"))
    assert drawn_by(known, ("XX", "AR", "HS")) is known and drawn_by(known, ()) is known
    with pytest.raises(InputError, match="at least one of HS, whom the network knows, got those of AR, XX"):
        drawn_by(known, ("HS",))
