"""Which intensities a fingerprint is made of: those of structures alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from PIL import Image

from common.datasets import read_dataset
from common.datasets.dataset import Dataset
from common.datasets.fingerprint import case_facts, summarize, take_fingerprint
from common.datasets.plan_rules import make_plan
from common.errors import InputError
from common.io.label_meaning import LabelMeaning, LabelObservation
from common.workflow.planning import plan_of


def test_an_annotator_who_is_left_out_says_nothing_of_the_structures(tmp_path: Path) -> None:
    for name, value in (("image", 40), ("A", 255)):
        nib.save(nib.Nifti1Image(np.full((8, 8, 8), value, np.int16), np.eye(4)), tmp_path / f"{name}.nii.gz")
    item = {"case": "a", "image": str(tmp_path / "image.nii.gz"), "annotators": {"A": str(tmp_path / "A.nii.gz")}}
    meanings = {"B": LabelMeaning({0: 0, 1: 1})}
    found = take_fingerprint([item], meanings_of=lambda seen: meanings)
    assert found.labels.keys() == {"A"} and found.mean == (40.0,)


def test_intensities_of_a_volume_are_those_of_its_structures() -> None:
    image, label = torch.full((1, 6, 6, 6), -1000.0), torch.zeros(1, 6, 6, 6)
    image[0, :3], label[0, :3] = 40.0, 1
    assert np.unique(case_facts(image, label).intensities).tolist() == [40]
    assert np.unique(case_facts(image, torch.zeros_like(label)).intensities).tolist() == [-1000, 40]


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e-5])
def test_voxels_of_any_size_have_a_spacing(unit: float) -> None:
    """In mm those of a light microscope are thousandths; numbers are rounded by their digits."""
    affine = torch.diag(torch.tensor([0.25 * unit, 0.25 * unit, 0.3 * unit, 1.0], dtype=torch.float64))
    image = MetaTensor(torch.rand(1, 40, 36, 20) * unit, affine=affine)
    found = summarize([case_facts(image)], {}, ["a"])
    assert found.median_spacing == pytest.approx((0.25 * unit, 0.25 * unit, 0.3 * unit), rel=1e-3)
    assert found.median_shape == found.smallest_shape == found.largest_shape == (40, 36, 20)
    assert found.mean[0] == pytest.approx(float(image.mean()), rel=0.05) and found.std[0] > 0


def ct_data_set(folder: Path, volumes: list[tuple[torch.Tensor, torch.Tensor]], **more: Any) -> Dataset:
    """Volumes and labels as an nnU-Net data set of CT."""
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    for index, (image, label) in enumerate(volumes):
        nib.save(nib.Nifti1Image(image.numpy(), np.eye(4)), folder / f"imagesTr/c{index}_0000.nii.gz")
        nib.save(nib.Nifti1Image(label.numpy().astype(np.uint8), np.eye(4)), folder / f"labelsTr/c{index}.nii.gz")
    content = {"channel_names": {"0": "CT"}, "numTraining": len(volumes), "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(content | more), encoding="utf-8")
    return read_dataset(folder)


def body(lesion: float | None, outside: int = 0, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Air of −1000 HU, half of it outside of what was labeled, tissue of 40 HU, and a lesion of so many HU."""
    image = torch.full((24, 24, 24), -1000.0) + torch.randn(24, 24, 24, generator=torch.Generator().manual_seed(seed))
    label = torch.zeros(24, 24, 24)
    label[:12] = outside
    image[12:] += 1040
    if lesion is not None:
        image[16:20, 4:12, 4:12] += lesion - 40
        label[16:20, 4:12, 4:12] = 1
    return image, label


@pytest.mark.parametrize("given", [False, True])
def test_what_was_not_labeled_has_no_part_in_the_numbers_of_ct(given: bool, tmp_path: Path) -> None:
    """An ignore value is above 0, too; so may be the background's."""
    volumes = [body(100, outside=2, seed=seed) for seed in range(3)]
    labels = {"background": 0, "lesion": 1} | ({} if given else {"ignore": 2})
    dataset = ct_data_set(tmp_path, volumes, labels=labels)
    values = {"ignore_value": 2, "class_values": {"background": 0, "lesion": 1}} if given else {}
    found = plan_of(dataset, dataset.items, str(tmp_path), **values).normalization
    assert found["mean"] == [pytest.approx(100, abs=0.2)] and found["std"] == [pytest.approx(1, abs=0.1)]


def test_a_background_above_0_has_no_part_in_the_numbers_of_ct(tmp_path: Path) -> None:
    volumes = [(image, label + 1) for image, label in (body(100, seed=seed) for seed in range(3))]
    dataset = ct_data_set(tmp_path, volumes, labels={"background": 0, "rest": 1, "lesion": 2})
    values = {"class_values": {"background": 1, "lesion": 2}}
    found = plan_of(dataset, dataset.items, str(tmp_path), **values).normalization
    assert found["mean"] == [pytest.approx(100, abs=0.2)]


def test_a_case_without_a_structure_has_no_part_in_the_numbers_of_ct(tmp_path: Path) -> None:
    volumes = [body(100, seed=seed) for seed in range(3)] + [body(None, seed=3)]
    dataset = ct_data_set(tmp_path, volumes, labels={"background": 0, "lesion": 1})
    found = plan_of(dataset, dataset.items, str(tmp_path)).normalization
    assert found["mean"] == [pytest.approx(100, abs=0.2)]


def test_structures_of_one_intensity_are_no_basis_for_ct(tmp_path: Path) -> None:
    image, label = body(100)
    dataset = ct_data_set(tmp_path, [(image.where(label != 1, 100.0), label)] * 2, labels={"background": 0, "a": 1})
    with pytest.raises(InputError, match="intensities that differ within the structures"):
        plan_of(dataset, dataset.items, str(tmp_path))


def folders_of_masks(root: Path, second: slice, cases: int = 4) -> list[dict[str, Any]]:
    """Pictures with a mask each by two who are called annotators; ``second`` are the rows that the second drew."""
    items = []
    for case in (f"c{number}" for number in range(cases)):
        files = {}
        for name, rows in (("kidney", slice(0, 4)), ("liver", second)):
            mask = np.zeros((12, 8), np.uint8)
            mask[rows, 2:6] = 255
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask).save(root / name / f"{case}.png")
            files[name] = str(root / name / f"{case}.png")
        Image.fromarray(np.arange(96, dtype=np.uint8).reshape(12, 8)).save(root / f"{case}.png")
        items.append({"case": case, "image": str(root / f"{case}.png"), "annotators": files})
    return items


def meanings(*names: str) -> Any:
    return lambda seen: dict.fromkeys(names, LabelMeaning({0: 0, 255: 1}, ignore=128))


def test_annotators_who_never_label_a_common_voxel_may_be_structures(tmp_path: Path) -> None:
    """Three cases are enough, two are not; nor are annotators who agree once, drew nothing, or are left out."""
    both, apart = meanings("kidney", "liver"), folders_of_masks(tmp_path / "apart", slice(6, 10))
    assert take_fingerprint(apart, meanings_of=both).apart == ("kidney", "liver")
    assert take_fingerprint(apart[:2], meanings_of=both).apart == ()
    together = folders_of_masks(tmp_path / "together", slice(3, 7), 1)
    for items in (apart + together, folders_of_masks(tmp_path / "empty", slice(0, 0))):
        numbered = [item | {"case": f"c{number}"} for number, item in enumerate(items)]
        assert take_fingerprint(numbered, meanings_of=both).apart == ()
    assert take_fingerprint(apart, meanings_of=meanings("liver")).apart == ()


def test_of_two_annotators_what_both_labeled_is_compared(tmp_path: Path) -> None:
    """Each labeled another half of the picture, the rest has the value 128: they do not disagree."""
    items = folders_of_masks(tmp_path, slice(6, 10))
    for item in items:
        for name, rows in (("kidney", slice(6, 12)), ("liver", slice(0, 6))):
            mask = np.array(Image.open(item["annotators"][name]))
            mask[rows] = 128
            Image.fromarray(mask).save(item["annotators"][name])
    assert take_fingerprint(items, meanings_of=meanings("kidney", "liver")).apart == ()


def test_a_plan_says_who_never_label_a_common_voxel(tmp_path: Path) -> None:
    items = folders_of_masks(tmp_path, slice(6, 10))
    dataset = Dataset(
        "plain", tmp_path, tuple(item | {"subject": item["case"]} for item in items), annotators=("kidney", "liver")
    )
    plan = plan_of(dataset, dataset.items, tmp_path / "models")
    assert any("kidney, liver never label a common voxel" in note for note in plan.notes) and plan.faults == ()


def test_volumes_that_a_network_of_slices_would_cut_across_theirs_are_named() -> None:
    """Two sagittal scans among four axial ones; a 3-D network takes all as they are."""
    sides = [(1.5, 1.5, 10.0)] * 4 + [(10.0, 1.5, 1.5)] * 2
    facts = [
        case_facts(MetaTensor(torch.rand(1, 20, 20, 20), affine=torch.diag(torch.tensor([*side, 1.0])).double()))
        for side in sides
    ]
    drawn = (LabelObservation("a.nii", "volume", {0: 9, 1: 3}, (20, 20, 20)),)
    dataset, fingerprint = Dataset("plain", Path("/data"), ()), summarize(facts, {"": drawn}, list("abcdef"))
    notes = " ".join(make_plan(dataset, fingerprint, {"spatial_dims": 2}).notes)
    assert "2 of 6 volumes have thick slices along another axis, and are cut across them" in notes
    assert "thick slices" not in " ".join(make_plan(dataset, fingerprint, {"spatial_dims": 3}).notes)
    alike = summarize(facts[:4], {"": drawn}, list("abcd"))
    assert "thick slices" not in " ".join(make_plan(dataset, alike, {"spatial_dims": 2}).notes)


def test_pictures_of_both_formats_are_said_to_be_stretched() -> None:
    """Whatever size they get; their median is the size of none, or of most."""
    masks = (LabelObservation("a.png", "gray", {0: 9, 255: 3}, (3, 4), distinct=2),)
    facts = [case_facts(torch.rand(1, *size)) for size in ((256, 128), (256, 128), (128, 256))]
    plan = make_plan(Dataset("plain", Path("/data"), ()), summarize(facts, {"": masks}, list("abc")))
    assert plan.image_size == (256, 128)
    assert "This stretches pictures: what they show becomes up to 4 times as wide." in plan.notes
    facts += [case_facts(torch.rand(1, 128, 256))]
    plan = make_plan(Dataset("plain", Path("/data"), ()), summarize(facts, {"": masks}, list("abcd")))
    assert "This stretches pictures: what they show becomes up to 2 times as wide or 2 times as high." in plan.notes
