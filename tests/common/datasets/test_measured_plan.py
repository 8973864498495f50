"""The plan of a training, for data that are measured with it: names that fit, and what was not labeled there."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from common.datasets.dataset import Dataset
from common.datasets.fingerprint import case_facts, summarize
from common.datasets.measured_plan import measured_plan
from common.datasets.plan_rules import make_plan
from common.errors import InputError
from common.io.label_meaning import LabelObservation

CLASSES = (LabelObservation("a.nii", "volume", {0: 9, 1: 3, 2: 1}, (3, 4, 5), distinct=3),)
CLASSES_SEEN = summarize([case_facts(torch.zeros(1, 8, 8, 8))], {"": CLASSES}, ["a"])


@pytest.mark.parametrize(
    ("names", "channels", "sentence"),
    [
        ({0: "background", 1: "posterior", 2: "anterior"}, (), "label value 1 posterior, which is anterior in the tr"),
        ({0: "background", 1: "Anterior", 2: "rest"}, ("T1", "T2"), ""),
        (None, ("T2", "T1"), "channels T2, T1, where the training had T1, T2"),
        ({0: "background", 3: "anterior"}, ("T1", "FLAIR"), ""),
    ],
)
def test_names_of_a_data_set_must_be_those_of_the_training(names, channels, sentence) -> None:
    trained = Dataset("msd", Path("/data"), (), class_names={0: "background", 1: "anterior", 2: "posterior"})
    seen = summarize([case_facts(torch.zeros(2, 8, 8, 8))], {"": CLASSES}, ["a"])
    plan = make_plan(replace(trained, channel_names=("T1", "T2")), seen)
    assert measured_plan(plan, replace(trained, channel_names=("T1", "T2"))) == plan
    other = replace(trained, class_names=names, channel_names=channels)
    with pytest.raises(InputError, match=sentence) if sentence else nullcontext():
        measured_plan(plan, other)


def test_a_test_set_may_leave_out_what_the_training_did_not_know() -> None:
    plan = make_plan(Dataset("plain", Path("/data"), ()), CLASSES_SEEN, class_values={"anterior": 1, "posterior": 2})
    said = Dataset("nnunet", Path("/test"), (), ignore_value=3)
    assert measured_plan(plan, said).labels[""]["ignore"] == 3
    assert measured_plan(plan, replace(said, ignore_value=None), 255).labels[""]["ignore"] == 255
    trained = measured_plan(plan, replace(said, ignore_value=None), 255)
    assert measured_plan(trained, said) == trained, "the training was told another value than its data set says"
    assert measured_plan(plan, replace(said, ignore_value=2)) == plan, "and here that it is a class"
    with pytest.raises(InputError, match="expected a value that is no class, got 2, which is posterior"):
        measured_plan(plan, said, 2)
    with pytest.raises(InputError, match="ignore_value: the training left out 3, got 4"):
        measured_plan(measured_plan(plan, said), said, 4)
