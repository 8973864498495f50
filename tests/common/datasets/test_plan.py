"""Plans from fingerprints: what is found out, what is given, what contradicts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from common.datasets.dataset import Dataset
from common.datasets.fingerprint import case_facts, summarize, take_fingerprint
from common.datasets.plan import Plan, example_plan
from common.datasets.plan_rules import make_plan
from common.datasets.stages import intensity
from common.errors import InputError
from common.io.label_meaning import LabelObservation

MASKS = (LabelObservation("a.png", "gray", {0: 9, 255: 3}, (3, 4), distinct=2),)
CLASSES = (LabelObservation("a.nii", "volume", {0: 9, 1: 3, 2: 1}, (3, 4, 5), distinct=3),)

CLASSES_SEEN = summarize([case_facts(torch.zeros(1, 8, 8, 8))], {"": CLASSES}, ["a"])


def plan_of(shape: tuple[int, ...], voxel: Any = None, labels: Any = None, dataset: Any = None, **given: Any) -> Plan:
    options = {
        name: given.pop(name)
        for name in ("memory_gb", "batch_size", "most_levels", "least_levels", "class_values")
        if name in given
    }
    image = torch.arange(float(np.prod(shape))).reshape(1, *shape)
    if voxel:
        image = MetaTensor(image, affine=torch.diag(torch.tensor([*voxel, 1.0], dtype=torch.float64)))
    fingerprint = summarize([case_facts(image)] * 3, {"": MASKS if labels is None else labels}, list("abc"))
    return make_plan(dataset or Dataset("plain", Path("/data"), ()), fingerprint, given, **options)


def test_pictures_are_resized_as_a_whole() -> None:
    plan = plan_of((30, 21))
    assert (plan.image_size, plan.patch_size, plan.orientation, plan.spacing) == ((30, 21), (32, 24), None, None)
    assert plan.binary and plan.logits == 1 and not plan.slices and plan.new_dimensions == (2, 3)
    large = plan_of((4000, 3000), memory_gb=0.5)
    assert large.image_size[0] / large.image_size[1] == pytest.approx(4 / 3, rel=0.01)
    assert any("resized" in note for note in large.notes)


@pytest.mark.parametrize(("crop", "said"), [("random", ""), ("center", "only the center"), ("label", "their label in")])
def test_a_crop_that_inference_does_not_make_is_said(crop: str, said: str) -> None:
    notes = [note for note in plan_of((40, 40), patch_size=[16, 24], crop=crop).notes if "inference" in note]
    assert len(notes) == bool(said) and all(said in note and "16 × 24" in note for note in notes)


def test_volumes_whose_axes_are_alike_get_a_network_of_three_dimensions() -> None:
    plan = plan_of((40, 48, 36), (1.0, 1.0, 1.2), CLASSES)
    assert (plan.spatial_dims, plan.orientation, plan.spacing) == (3, "RAS", (1.0, 1.0, 1.2))
    assert plan.patch_size == (40, 48, 40) and plan.logits == 3 and plan.slice_axis is None
    assert plan.class_names == ("background", "class_1", "class_2")


def test_names_belong_to_the_classes_in_whatever_order_they_are_given() -> None:
    plan = plan_of((32, 32), labels=CLASSES, class_values={"b": 2, "rest": 0, "a": 1})
    assert plan.class_names == ("rest", "b", "a") and plan.labels[""]["values"] == {"0": 0, "2": 1, "1": 2}


@pytest.mark.parametrize(("spacing", "orientation"), [((1, 1, 6), "RAS"), ((6, 1, 1), "ASR"), ((1, 6, 1), "RSA")])
def test_thick_slices_are_stacked_along_the_last_axis(spacing: Any, orientation: str) -> None:
    shape = tuple(8 if side == 6 else 32 for side in spacing)
    plan = plan_of(shape, spacing, CLASSES)
    assert plan.slices and (plan.orientation, plan.spacing) == (orientation, (1.0, 1.0, -1.0))
    assert plan.patch_size == (32, 32) and plan.slice_axis == 2


@pytest.mark.parametrize(
    ("shape", "spacing", "orientation"),
    [
        ((32, 1, 32), (1, 1, 1), "RSA"),
        ((32, 1, 32), (1, 1, 5), "RSA"),  # a slice of thick voxels
        ((5, 32, 32), (1, 1, 1), "ASR"),
        ((32, 32, 5), (1, 1, 1), "RAS"),
        ((32, 32, 32), (1, 1, 1), "RAS"),
        ((12, 32, 8), (1, 1, 6), "RAS"),
    ],
)
def test_few_slices_are_stacked_along_their_axis(shape: Any, spacing: Any, orientation: str) -> None:
    plan = plan_of(shape, spacing, CLASSES, spatial_dims=2)
    assert plan.orientation == orientation
    assert min(plan.patch_size) >= 32 or shape == (12, 32, 8)


def test_the_patch_fits_into_the_memory() -> None:
    large, small = (plan_of((200, 200, 200), (1, 1, 1), memory_gb=memory) for memory in (16, 2))
    assert np.prod(large.patch_size) > 4 * np.prod(small.patch_size)
    assert np.prod(small.patch_size) * 2 * 16 * 16 * 4 < 2.2e9
    odd = plan_of((200, 200, 33), (1, 1, 1), memory_gb=1, batch_size=16)
    assert np.prod(odd.patch_size) * 16 * 16 * 16 * 4 < 1.1e9  # 1.5 times as much if sides were rounded up at the end


def test_the_matrices_of_annotators_take_memory_too() -> None:
    names = [f"r{index}" for index in range(6)]
    seen = {name: (replace(CLASSES[0], path=name),) for name in names}
    data = Dataset("annotators", Path("/data"), (), annotators=tuple(names))
    image = MetaTensor(torch.rand(1, 96, 96, 96), affine=torch.eye(4, dtype=torch.float64))
    fingerprint = summarize([case_facts(image)], seen, ["a"])
    taken = []
    for maps in (False, True):
        patch = make_plan(data, fingerprint, memory_gb=1, confusion_maps=maps).patch_size
        taken.append(np.prod(patch) * 4 * 2 * (16 * 16 + 5 * 6 * 3**2))
    assert taken[1] < 1.1e9 < 1.5e9 < taken[0]


def test_a_size_that_is_given_does_not_make_the_patch_larger_than_the_memory() -> None:
    given = plan_of((300, 300), image_size=[2048, 2048], memory_gb=1)
    assert given.image_size == (2048, 2048) and np.prod(given.patch_size) * 4 * 2 * 16 * 24 < 1.1e9


def test_pictures_of_several_sizes_are_said_to_be_resized() -> None:
    facts = [case_facts(torch.rand(1, *size)) for size in ((100, 200), (200, 100), (300, 400))]
    plan = make_plan(Dataset("plain", Path("/data"), ()), summarize(facts, {"": MASKS}, list("abc")))
    said = "Pictures are resized to 200 × 200 pixels (width × height); their sides are 100 to 300 and 100 to 400."
    assert said in plan.notes
    alike = make_plan(Dataset("plain", Path("/data"), ()), summarize(facts[:1], {"": MASKS}, ["a"]))
    assert not any("resized" in note for note in alike.notes)


@pytest.mark.parametrize(
    ("size", "change"),
    [
        ((96, 128), "1.8 times as high"),
        ((128, 64), "1.5 times as wide"),
        ((128, 96), ""),
        ((64, 50), ""),  # a side is a whole number, and may be rounded
        (None, ""),
    ],
)
def test_a_size_of_other_proportions_is_said_to_stretch_pictures(size: tuple[int, int] | None, change: str) -> None:
    """Width comes first, as in the pictures' own sizes; the reverse is typed easily."""
    notes = [note for note in plan_of((256, 192), image_size=size).notes if "stretches" in note]
    assert notes == [f"This stretches pictures: what they show becomes up to {change}."] * bool(change)


def test_resolutions_end_at_four_voxels_and_from_the_fifth_on_at_eight() -> None:
    assert plan_of((64, 64)).features == (16, 32, 64, 128)
    assert plan_of((256, 320)).features == (16, 32, 64, 128, 256, 512)
    assert plan_of((28, 28)).features == (16, 32, 64)
    assert plan_of((64, 64), most_levels=3).features == (16, 32, 64)
    assert plan_of((8, 64)).features == (16, 32)
    assert plan_of((8, 64), least_levels=3).features == (16, 32, 64)


def test_ct_is_clipped_and_all_else_is_normalized_image_by_image() -> None:
    ct = plan_of((20, 20, 20), (1, 1, 1), dataset=Dataset("nnunet", Path("/data"), (), channel_names=("CT",)))
    assert ct.normalization["kind"] == "ct" and ct.normalization["lower"][0] < ct.normalization["upper"][0]
    assert plan_of((20, 20, 20), (1, 1, 1)).normalization == {"kind": "zscore"}
    named = plan_of((20, 20, 20), (1, 1, 1), channel_names=["CT"])
    assert named.normalization == ct.normalization and named.channel_names == ("CT",)


def test_what_is_given_of_ct_is_kept_and_the_rest_found_out() -> None:
    found = plan_of((20, 20, 20), (1, 1, 1), normalization="ct").normalization
    given = {"kind": "ct", "lower": -100, "upper": 300, "bias_field": "n4"}
    plan = plan_of((20, 20, 20), (1, 1, 1), normalization=given)
    assert plan.normalization == {**found, "lower": [-100], "upper": [300], "bias_field": "n4"}
    assert any("clipped to -100 … 300." in note for note in plan.notes)
    whole = plan_of((8, 8), normalization={"kind": "ct", "lower": 0, "upper": 4, "mean": 1, "std": [2]})
    scaled = intensity(whole)[0]({"image": torch.tensor([[[-9.0, 1.0, 9.0]]])})["image"]
    assert scaled.flatten().tolist() == [-0.5, 0, 1.5]


def test_files_of_pictures_are_channels_and_stay_so() -> None:
    facts = [case_facts(torch.rand(4, 8, 8))] * 2
    fingerprint = summarize(facts, {"": MASKS}, list("ab"))
    files = tuple({"case": case, "image": [f"{case}_{k}.png" for k in range(4)]} for case in "ab")
    assert make_plan(Dataset("nnunet", Path("/data"), files), fingerprint).channels == 4
    vectors = tuple({"case": case, "image": f"{case}.nrrd"} for case in "ab")
    assert make_plan(Dataset("plain", Path("/data"), vectors), fingerprint).channels == 4
    one = tuple({"case": case, "image": f"{case}.png"} for case in "ab")
    assert make_plan(Dataset("plain", Path("/data"), one), fingerprint).channels == 1  # gray in color


def test_what_is_given_is_taken() -> None:
    given = {"spatial_dims": 2, "spacing": 0.5, "patch_size": [16, 24], "features": [4, 8], "class_names": ["b", "x"]}
    plan = plan_of((40, 40, 40), (1, 1, 1), **given, normalization="none")
    assert (plan.spacing, plan.patch_size, plan.features) == ((0.5, 0.5, -1.0), (16, 24), (4, 8))
    assert plan.class_names == ("b", "x") and plan.normalization == {"kind": "none"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"spatial_dims": 3}, "spatial_dims: expected 2"),
        ({"patch_size": [8, 8, 8]}, "expected two sides in pixels"),
        ({"crop": "middle"}, "crop: expected one of"),
        ({"normalization": "log"}, "normalization: expected one of"),
        ({"class_names": ["one"]}, "class_names: expected 2 names"),
        ({"class_names": ["a", "a"]}, "different names"),
        ({"features": [0]}, "features: expected positive"),
        ({"orientation": "XYZ"}, "orientation: expected images that are volumes.*got pictures"),
        ({"spacing": 1.0}, "spacing: expected images that are volumes.*got pictures"),
        ({"normalization": {"kind": "ct", "lower": 3, "upper": 2}}, "expected lower below upper for ct, got 3 and 2"),
        ({"normalization": {"kind": "ct", "mean": [1, 2]}}, r"expected a number as mean of ct, got \(1, 2\)"),
        ({"normalization": "ct", "channels": 3}, "images of one channel for ct, got 3"),
        ({"normalization": {"kind": "zscore", "nonzero": True}}, "expected volumes.* for nonzero, got pictures"),
        ({"memory_gb": 0}, "memory_gb: expected a number above 0"),
        ({"no_such": 1}, "plan: expected known entries, got no_such"),
    ],
)
def test_what_cannot_be_is_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        plan_of((32, 32), **given)


def test_volumes_have_no_size_of_pictures() -> None:
    with pytest.raises(InputError, match=r"image_size: expected images that are pictures.*got volumes"):
        plan_of((32, 32, 32), image_size=[32, 32])


def test_channels_are_as_many_as_the_data_set_names() -> None:
    named = Dataset("msd", Path("/data"), (), channel_names=("T2", "ADC"))
    with pytest.raises(InputError, match=r"/data and .*: expected 2 channels \(T2, ADC\), .* got 1"):
        plan_of((32, 32), dataset=named)
    assert plan_of((32, 32), dataset=named, channels=2).channel_names == ("T2", "ADC")


def test_a_class_that_no_training_label_has_is_said() -> None:
    named = Dataset("nnunet", Path("/data"), (), class_names={0: "background", 1: "a", 2: "b", 3: "c"})
    assert (
        "c is in no label of the training cases, so that it cannot be learned."
        in plan_of((32, 32), labels=CLASSES, dataset=named).notes
    )
    assert not any("cannot be learned" in note for note in plan_of((32, 32), labels=CLASSES).notes)


def test_labels_of_which_nothing_is_labeled_are_refused() -> None:
    ignored = (LabelObservation("a.png", "gray", {255: 12}, (3, 4), distinct=1),)
    with pytest.raises(InputError, match=r"a.png: expected labels, but every voxel of all 1 .* has the value 255"):
        plan_of((32, 32), labels=ignored, dataset=Dataset("plain", Path("/data"), (), ignore_value=255))


def named_classes(labels: Any = MASKS, dataset: Any = None, **said: Any) -> tuple[tuple[str, ...], Any]:
    fingerprint = summarize([case_facts(torch.rand(1, 8, 8))], {"": labels}, ["a"])
    plan = make_plan(dataset or Dataset("plain", Path("/data"), ()), fingerprint, **said)
    return plan.class_names, plan.labels[""]["values"] or plan.labels[""]["colors"]


def test_class_0_is_called_as_its_value_wherever_it_stands() -> None:
    names, values = named_classes(class_values={"tumor": 255, "background": 0})
    assert names == ("background", "tumor") and values == {"0": 0, "255": 1}
    assert named_classes(class_values={"tumor": [255], "rest": [0, 7]})[0] == ("rest", "tumor")
    assert named_classes(class_values={"tumor": 255})[0] == ("background", "tumor")
    colors = (LabelObservation("a.png", "color", {"#000000": 9, "#ff0000": 1}, (2, 5), distinct=2),)
    names, values = named_classes(colors, class_colors={"disc": "#FF0000", "rest": "#000000"})
    assert names == ("rest", "disc") and values == {"#000000": 0, "#ff0000": 1}


@pytest.mark.parametrize(
    ("known", "ignore", "names"),
    [
        ({1: "spleen", 2: "liver"}, None, ("background", "spleen", "liver")),
        ({0: "air", 1: "spleen", 2: "liver", 255: "unclear"}, 255, ("air", "spleen", "liver")),
        ({-1: "unlabeled", 0: "air", 1: "spleen", 2: "liver"}, None, ("air", "spleen", "liver")),
    ],
)
def test_named_values_that_are_no_class_and_a_background_without_a_name(known: Any, ignore: Any, names: Any) -> None:
    found = named_classes(CLASSES, Dataset("msd", Path("/data"), (), class_names=known), ignore_value=ignore)
    assert found == (names, {"0": 0, "1": 1, "2": 2})


def test_orientation_must_be_three_directions() -> None:
    with pytest.raises(InputError, match="orientation: expected three axis codes"):
        plan_of((20, 20, 20), (1, 1, 1), orientation="RAR")


def test_json_and_back() -> None:
    plan = plan_of((40, 48, 36), (1.0, 1.0, 1.2), CLASSES)
    assert Plan.from_json(plan.to_json()) == plan
    assert len(plan.to_json().splitlines()) < 30


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}', '{"format": 1, "channels": 1}'])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"models/plan\.json"):
        Plan.from_json(text, "models/plan.json")


def test_contradictions_are_named_and_equal_values_are_none() -> None:
    plan = plan_of((40, 40, 9), (1.0, 1.0, 5.0))
    assert plan.contradictions({"spacing": None, "patch_size": [40, 40], "spatial_dims": 2, "channels": 1}) == []
    assert plan.contradictions({"spacing": 1.0, "normalization": "zscore"}) == []
    found = plan.contradictions({"patch_size": [32, 32], "spacing": 2.0})
    assert [text.split(":")[0] for text in found] == ["patch_size", "spacing"]
    assert "trained with [40, 40], got [32, 32]" in found[0]
    options = replace(plan, method={"method": "majority", "rank": None})  # of the plan's method, one is called so, too
    (found,) = options.contradictions({"method": {"method": "mean", "rank": None}})
    assert found == "method: the network was trained with majority, got mean"
    assert options.contradictions({"method": {"method": "majority"}}) == options.contradictions({"method": None}) == []


def test_a_label_of_several_channels_is_a_fault_of_its_case(tmp_path: Path) -> None:
    """One-hot labels along a fourth axis are refused by file, not by an index of their intensities."""
    items = []
    for case, channels in (("a", ()), ("b", ()), ("c", (2,))):
        for kind, shape in (("image", (6, 7, 8)), ("label", (6, 7, 8, *channels))):
            volume = np.zeros(shape, np.uint8)
            volume[1:3] = 1
            nib.save(nib.Nifti1Image(volume, np.eye(4)), tmp_path / f"{case}_{kind}.nii.gz")
        items.append({"case": case, **{kind: str(tmp_path / f"{case}_{kind}.nii.gz") for kind in ("image", "label")}})
    faults: list[str] = []
    assert take_fingerprint(items, faults=faults).cases == 3
    assert len(faults) == 1 and "c_label.nii.gz" in faults[0] and "channel" in faults[0]
    with pytest.raises(InputError, match=r"c_label\.nii\.gz.*channel"):
        take_fingerprint(items)


def test_classes_in_another_order_of_their_names_are_a_contradiction() -> None:
    """The values are the same, 1 and 2, so that only the names tell."""
    given = {"anterior": 1, "posterior": 2}
    plan = make_plan(Dataset("plain", Path("/data"), ()), CLASSES_SEEN, class_values=given)
    for same in (given, {"posterior": 2, "anterior": 1}, {"posterior": 2, "background": 0, "anterior": 1}):
        assert plan.contradictions({"class_values": same}) == []
    assert plan.contradictions({"class_values": {"background": 0, "front": 1, "posterior": 2}}) == []
    for other in ({"posterior": 1, "anterior": 2}, {"anterior": 2, "posterior": 1}):
        (found,) = plan.contradictions({"class_values": other})
        assert found.startswith('class_values: the network was trained with {"0": 0, "1": 1, "2": 2}, got')


def test_annotators_have_meanings_of_their_own() -> None:
    seen = {
        "AR": (LabelObservation("a.png", "gray", {0: 9, 255: 3}, (3, 4), distinct=2),),
        "HS": (LabelObservation("b.png", "gray", {0: 9, 2: 3}, (3, 4), distinct=2),),
    }
    fingerprint = summarize([case_facts(torch.zeros(1, 8, 8))], seen, ["a"])
    plan = make_plan(Dataset("plain", Path("/data"), (), annotators=("AR", "HS")), fingerprint)
    assert plan.labels["AR"]["values"] == {"0": 0, "255": 1} and plan.labels["HS"]["values"] == {"0": 0, "2": 1}


def test_an_annotator_of_validation_cases_alone_is_read_as_the_others() -> None:
    fingerprint = summarize([case_facts(torch.zeros(1, 8, 8))], {"AR": MASKS}, ["a"])
    plan = make_plan(Dataset("plain", Path("/data"), (), annotators=("AR", "SG")), fingerprint)
    assert plan.labels["SG"] == plan.labels["AR"] and any("SG labeled none" in note for note in plan.notes)
    other = (LabelObservation("b.png", "gray", {0: 9, 2: 3}, (3, 4), distinct=2),)
    fingerprint = summarize([case_facts(torch.zeros(1, 8, 8))], {"AR": MASKS, "HS": other}, ["a"])
    plan = make_plan(Dataset("plain", Path("/data"), (), annotators=("AR", "HS", "SG")), fingerprint)
    assert "SG" not in plan.labels


def test_pictures_and_volumes_are_not_mixed() -> None:
    facts = [case_facts(torch.zeros(1, 8, 8)), case_facts(torch.zeros(1, 8, 8, 8)), case_facts(torch.zeros(1, 8, 8))]
    with pytest.raises(InputError, match="Case b: expected images of one number of dimensions, got 3"):
        summarize(facts, {}, list("abc"))


@pytest.mark.parametrize("name", ["left/right kidney", "../kidney", "kidney\\left"])
def test_names_that_would_lead_to_another_folder_are_refused(name: str) -> None:
    """Also in a plan that came with someone else's weights."""
    for entry in ("class_names", "annotators"):
        with pytest.raises(InputError, match=f"{entry}: expected names that can be part of a file's name"):
            replace(example_plan(), **{entry: ("background", name)})
    content = json.loads(example_plan().to_json())
    with pytest.raises(InputError, match="class_names"):
        Plan.from_json(json.dumps(content | {"class_names": ["background", name]}))


def test_the_example_is_whole() -> None:
    assert Plan.from_json(example_plan().to_json()) == example_plan()


@pytest.mark.parametrize(
    ("ends", "sentence"),
    [
        ({"kind": "window", "lower": 2, "upper": 1}, "lower below upper, for window, got 2 and 1"),
        ({"kind": "window", "lower": 0, "upper": "9"}, "lower below upper, for window, got 0 and '9'"),
        ({"kind": "percentiles", "lower": 2, "upper": 2}, "lower below upper, for percentiles, got 2 and 2"),
        ({"kind": "percentiles", "lower": -1, "upper": 101}, "expected numbers from 0 to 100, lower below upper"),
        ({"kind": "window", "lower": 2}, "window needs upper"),
    ],
)
def test_intensities_are_not_turned_upside_down(ends: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        intensity(plan_of((8, 8), normalization=ends))


def test_a_coarse_axis_is_not_resampled_finer_than_the_others() -> None:
    """As in nnU-Net: of a few thin slices among thick ones the tenth percentile would be finer than the pixels."""
    facts = []
    for thickness in (0.5, 0.5, 5.0, 5.0, 5.0):
        affine = torch.diag(torch.tensor([1.0, 1.2, thickness, 1.0], dtype=torch.float64))
        facts.append(case_facts(MetaTensor(torch.rand(1, 40, 40, 20), affine=affine)))
    fingerprint = summarize(facts, {"": CLASSES}, list("abcde"))
    assert fingerprint.coarse_spacing[2] == 0.5
    found = make_plan(Dataset("plain", Path("/data"), ()), fingerprint, {"spatial_dims": 3})
    assert found.spacing == (1.0, 1.2, 1.2)
