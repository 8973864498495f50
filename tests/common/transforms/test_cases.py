"""Names of cases that have none of their own, as programs hand them over that train a bundle."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from common.errors import InputError
from common.transforms import GaussianFieldNoised, MorphologicalNoised, SimulateAnnotatorsd
from common.transforms.cases import case_name


def _label(path: str) -> MetaTensor:
    label = torch.zeros(1, 24, 24)
    label[:, 6:18, 6:18] = 1
    return MetaTensor(label, meta={"filename_or_obj": path})


def test_the_image_comes_before_the_label_and_the_name_before_both() -> None:
    item = {"label": _label("/data/labels/b_seg.nii.gz"), "image": _label("/data/a.b/c.nii.gz")}
    assert case_name(item) == "c"
    assert case_name({"label": item["label"]}) == "b_seg"
    assert case_name({"case": 7, **item}) == "7"


def test_neither_name_nor_file() -> None:
    with pytest.raises(InputError, match="needs its case name as 'case' or a tensor that was read from a file"):
        case_name({"label": torch.zeros(1, 2, 2), "image": MetaTensor(torch.zeros(1, 2, 2))})


@pytest.mark.parametrize(
    "transform",
    [
        MorphologicalNoised("label", alpha=1.0, beta=0.7),
        GaussianFieldNoised("label", a=0.1, b=0.2),
        SimulateAnnotatorsd("label", {"b": "wrong"}, output_key="label"),
    ],
    ids=lambda transform: type(transform).__name__,
)
def test_noise_of_an_unnamed_item_is_that_of_the_named_one(transform) -> None:
    unnamed = transform({"label": _label("/elsewhere/case_1.nii.gz")})["label"]
    named = transform({"label": _label("/elsewhere/other.nii.gz"), "case": "case_1"})["label"]
    other = transform({"label": _label("/elsewhere/other.nii.gz")})["label"]
    assert torch.equal(unnamed, named)
    assert isinstance(transform, SimulateAnnotatorsd) or not torch.equal(unnamed, other)
