"""The lesion phantom: a user's folders, drawn from its seed, with no easy way out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from common.datasets import InferenceInputs, read_dataset
from common.errors import InputError
from common.io import LoadCased
from common.noise import ANNOTATOR_KINDS
from common.phantoms import write_lesion_phantom
from common.phantoms.lesion import draw_brain


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_lesion_phantom(tmp_path_factory.mktemp("phantom") / "lesions", num_cases=12, size=48))


def test_sections_hold_images_truth_and_five_annotators(phantom: Path):
    masks = {"values": {0: 0, 1: 1}}
    load = LoadCased(["image", "label", "annotators"], masks, annotators=ANNOTATOR_KINDS)
    items = read_dataset(phantom).items
    assert Counter(item["section"] for item in items) == {"training": 8, "validation": 2, "test": 2}
    for item in items:
        loaded = load(item)
        labels, truth = loaded["annotators"], loaded["label"][0]
        assert loaded["image"].shape == (1, 48, 48) and labels.shape == (5, 48, 48)
        good, over, under, wrong, blank = (label.bool() for label in labels)
        assert torch.equal(good, truth.bool()) and not blank.any()
        assert (over & good).sum() == good.sum() < over.sum()
        assert (under & ~good).sum() == 0 < under.sum() < good.sum()
        assert (wrong != over).any()


def test_new_images_are_slices_and_a_stack(phantom: Path):
    inputs = InferenceInputs(phantom / "new")
    assert not inputs.failures
    shapes = [tuple(LoadCased("image")(item)["image"].shape[1:]) for item in inputs.items]
    assert shapes == [(48, 48), (60, 60), (72, 72), (48, 48, 7)]
    for item in inputs.items:
        label = nib.load(item["image"].replace("/new/", "/new_labels/"))
        assert label.shape == nib.load(item["image"]).shape
        assert np.array_equal(np.unique(np.asarray(label.dataobj)), [0, 1])


def test_the_same_seed_draws_the_same_and_another_another(phantom: Path, tmp_path: Path):
    again = Path(write_lesion_phantom(tmp_path / "again", num_cases=12, size=48))
    for path in phantom.rglob("*.nii.gz"):
        first, second = nib.load(path), nib.load(again / path.relative_to(phantom))
        assert np.array_equal(np.asarray(first.dataobj), np.asarray(second.dataobj))
        assert np.array_equal(first.affine, second.affine)
    assert not np.array_equal(draw_brain((0, 0), 48)[1], draw_brain((1, 0), 48)[1])
    assert write_lesion_phantom(phantom, num_cases=12, size=48) == str(phantom)
    with pytest.raises(InputError, match="holds a phantom of"):
        write_lesion_phantom(phantom, num_cases=13, size=48)


def test_no_gray_value_separates_the_lesions():
    pairs = [draw_brain((0, index), 64) for index in range(20)]
    best = max(
        np.mean(
            [2 * ((image > level) & (mask > 0)).sum() / ((image > level).sum() + mask.sum()) for image, mask in pairs]
        )
        for level in np.linspace(0.2, 1.2, 26)
    )
    assert best < 0.5
    assert all(0.005 < mask.mean() < 0.1 for _, mask in pairs)


@pytest.mark.parametrize("parameters", [{"num_cases": 5}, {"size": 31}])
def test_too_small_a_phantom_is_refused(tmp_path: Path, parameters: dict[str, int]):
    with pytest.raises(InputError, match="num_cases ≥ 6 and size ≥ 32"):
        write_lesion_phantom(tmp_path / "small", **parameters)
    assert not (tmp_path / "small").exists()
