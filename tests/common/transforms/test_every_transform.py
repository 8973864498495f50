"""One row for each public transform, and what holds for every one of them: a new transform is a new row of `ROWS`."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import CacheDataset, MetaTensor
from monai.transforms import MapTransform, Randomizable

from common import transforms

SIDES = (6, 8, 4)
EXPERTS = {name: {"kind": name, "target": 1} for name in ("good", "over", "under", "wrong", "blank")}
Cases = dict[int, dict[str, Any]]
NAMES = ["background", "femur", "tibia"]


@dataclass(frozen=True)
class Row:
    """How a transform is made, and what it is given.

    Attributes:
        arguments: of its class; ``output_dir`` is filled in.
        takes: the key of `case_item` whose value it is called with; None: the whole item.
        dimensions: spatial ones that it supports.
        labels: keys of labels that pass through, in which −1 stays −1.
        geometry: keys of images that it resamples or crops linearly, so that their affine has to say where to.
        in_place: why the item that comes in is changed; empty: it is not.
    """

    arguments: dict[str, Any] = field(default_factory=dict)
    takes: str | None = None
    dimensions: Sequence[int] = (2, 3)
    labels: Sequence[str] = ()
    geometry: Sequence[str] = ()
    in_place: str = ""


ROWS = {
    "AffineBatch": Row(
        {"probability": 1.0},
        takes="batch",
        in_place="the batch is the trainer's, and handlers see what the network saw",
    ),
    "AnnotatorScoresd": Row({"keys": "pred", "names": ["a", "b", "c"]}),
    "AsClassMapd": Row({"keys": "logits"}),
    "AugmentBatch": Row(takes="batch", in_place="the batch is the trainer's, and handlers see what the network saw"),
    "AxisSpacingd": Row({"keys": "image", "pixdim": (0.6, -1, 3.0)}, dimensions=(3,), geometry=["image"]),
    "AxisSpacingLabelsd": Row({"keys": "label", "pixdim": (0.6, -1, 3.0)}, labels=["label"], dimensions=(3,)),
    "BinaryMaskd": Row({"keys": "label"}, labels=["label"]),
    "BoundaryBandLabeld": Row({"keys": "label", "radius": 2.0}, labels=["label_band"]),
    "BoundaryWeight": Row({"radius": 2.0, "millimetres": True}, takes="label"),
    "BoundaryWeightd": Row({"keys": "label", "radius": 2.0, "millimetres": True}),
    "CalibratedSoftmaxd": Row({"keys": "logits", "temperature": 2.0}),
    "CalibrationScoresd": Row({"keys": "pred", "class_names": NAMES}),
    "ClassShares": Row({"num_classes": 3, "sources": ["annotators"]}, labels=["label"]),
    "ConsensusLabeld": Row({"num_classes": 3}, labels=["label"]),
    "CropAroundLabeld": Row({"keys": ["image", "label"], "label_key": "mask"}, geometry=["image"]),
    "DecisionScoresd": Row(
        {"keys": "decided", "decisions": {"best": "decided"}, "labels": "mask", "probabilities": "decided"}
    ),
    "DetectInstancesd": Row({"keys": "structures"}),
    "DiceOptimalThresholdd": Row({"keys": "pred"}),
    "FuseAnnotatorsd": Row({"keys": "annotators", "num_classes": 3, "method": "mean"}, labels=["label"]),
    "GaussianFieldNoised": Row({"keys": ["label", "soft"], "a": 0.2, "b": 0.3}, labels=["label", "soft"]),
    "HardLabeld": Row({"keys": "soft"}, labels=["soft"]),
    "InstanceScoresd": Row({"keys": "detections", "num_classes": 1, "label_key": "soft"}),
    "KeepAffined": Row({"keys": "label", "image_key": "image"}, labels=["label"]),
    "KeepAnnotatorsd": Row({"keys": "annotators", "count": 1}, labels=["annotators"]),
    "MorphologicalNoised": Row({"keys": "label", "alpha": 1.0, "beta": 0.5}, labels=["label"]),
    "N4BiasFieldd": Row({"keys": "mask", "shrink": 1, "iterations": [1]}),
    "NeighbourSlicesd": Row({"keys": "image"}, dimensions=(3,)),
    "NormalizeSlicesd": Row({"keys": "image"}),
    "OutsideAsBackgroundd": Row({"keys": "pred", "num_classes": 3}),
    "RandGaussianFieldNoised": Row({"keys": ["label", "soft"], "a": 0.2, "b": 0.3}, labels=["label", "soft"]),
    "RandomPatch": Row(labels=["label"], geometry=["image"]),
    "RandomView": Row(takes="images"),
    "ResizeAread": Row({"keys": "image"}, geometry=["image"]),
    "ResizeLabelsd": Row({"keys": "label"}, labels=["label"]),
    "ResizeSoftLabeld": Row({"keys": "soft"}, labels=["soft"], geometry=["soft"]),
    "SaveAnnotatorsd": Row({"keys": "pred_annotators"}, dimensions=(3,)),
    "SaveDecisiond": Row({"keys": "pred"}, dimensions=(3,)),
    "SaveInstancesd": Row({"keys": "structures", "class_names": ["femur"]}, dimensions=(3,)),
    "SaveProbabilitiesd": Row({"keys": "pred"}, dimensions=(3,)),
    "SaveSegmentationd": Row({"keys": "pred"}, dimensions=(3,)),
    "ScalePercentilesd": Row({"keys": "image", "lower": 2, "upper": 98}),
    "SimulateAnnotatorsd": Row({"keys": "label", "annotators": EXPERTS}, labels=["annotators"]),
    "SliceStackd": Row({"keys": "image"}),
    "SoftLabelFromRatersd": Row({"keys": "raters", "anatomy_key": "label", "neighbour_slices": None}),
    "SpacingSoftLabeld": Row(
        {"keys": "soft", "pixdim": (0.6, -1, 3.0)}, dimensions=(3,), labels=["soft"], geometry=["soft"]
    ),
    "SplitAnnotatorsd": Row({"keys": "joined", "num_classes": 3}),
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Cases:
    """Of two and of three dimensions a case, which no test changes (no transform may, says the first test)."""
    return {n: case_item(n, tmp_path_factory.mktemp(f"{n}d")) for n in (2, 3)}


def case_item(dimensions: int, folder: Path) -> dict[str, Any]:
    """A case with all that a transform may ask for; its image, with anisotropic voxels, is a file in the folder."""
    sides, generator = SIDES[:dimensions], torch.Generator().manual_seed(0)
    affine = torch.diag(torch.tensor([0.5, 1.5, 2.0, 1.0], dtype=torch.float64))
    affine[:3, 3] = torch.tensor([10.0, -20.0, 30.0])
    path = folder / "case.nii.gz"
    nib.save(nib.Nifti1Image(np.zeros(sides, np.float32), affine.numpy()), path)

    def tensor(values: torch.Tensor) -> MetaTensor:
        return MetaTensor(values, affine=affine, meta={"filename_or_obj": str(path), "spatial_shape": np.array(sides)})

    def drawn(channels: int) -> torch.Tensor:
        return torch.rand(channels, *sides, generator=generator)

    label = torch.zeros(1, *sides)
    label[:, 1:4, 1:4], label[:, 3:5, 1:3] = 1, 2
    annotators = torch.cat([label, label.roll(1, 1), label.roll(1, 2)])
    unlabeled, pred = torch.arange(sides[0]) < 1, drawn(3).softmax(0)
    soft, mask = drawn(1), (label > 0).float()
    for values in (label, annotators, soft):
        values[:, unlabeled] = -1
    raters = (annotators > 0).float().where(annotators >= 0, -1)
    plain = {"case": "a", "subject": "s", "images": drawn(2)[:, None], "threshold": 0.5}
    plain["batch"] = {"image": drawn(2)[:, None], "label": torch.stack([label, label])}
    plain["detections"] = transforms.DetectInstancesd("soft")({"soft": mask})["detections"]
    plain["pred_annotators"] = plain["pred_by_annotator"] = torch.stack([pred, pred.flip(0), pred.roll(1, 0)])
    plain |= {"decided_threshold": torch.tensor([0.5])}
    tensors = {"image": drawn(1), "label": label, "annotators": annotators, "soft": soft, "mask": mask, "pred": pred}
    tensors |= {"logits": pred.log(), "structures": drawn(1), "joined": torch.cat([pred, pred, pred])}
    tensors |= {"decided": label.clamp_min(0), "raters": raters, "label_band": label.clone()}
    return {name: tensor(values) for name, values in tensors.items()} | plain


def made(name: str, dimensions: int, folder: Path, **more: Any) -> Any:
    """The transform of a row; sizes that depend on the dimension and the folder of results are filled in."""
    if name == "N4BiasFieldd":
        pytest.importorskip("SimpleITK")  # the extra itk
    kind = getattr(transforms, name)
    known = inspect.signature(kind).parameters
    sizes = {"output_dir": str(folder / "out"), "spatial_size": [3, 4, 2][:dimensions]}
    return kind(**{key: value for key, value in sizes.items() if key in known} | ROWS[name].arguments | more)


def named_keys(name: str) -> set[str]:
    """The keys of an item that the arguments of a transform, or their defaults, name, and those that all may read."""
    defaults = {key: one.default for key, one in inspect.signature(getattr(transforms, name)).parameters.items()}
    values = [*(defaults | ROWS[name].arguments).values(), "image", "case"]
    lists = [value if isinstance(value, list | tuple) else [value] for value in values]
    return {key for keys in lists for key in keys if isinstance(key, str)}


def given(name: str, item: dict[str, Any]) -> Any:
    """What the transform is called with; dictionaries are copies."""
    taken = item if ROWS[name].takes is None else item[ROWS[name].takes]
    return dict(taken) if isinstance(taken, dict) else taken


def same(one: Any, other: Any) -> bool:
    """Whether two results are equal in kind, keys, values, types of values, and metadata."""
    if isinstance(one, torch.Tensor):
        if type(one) is not type(other) or one.dtype != other.dtype or one.shape != other.shape:
            return False
        plain = (torch.as_tensor(each).as_subclass(torch.Tensor) for each in (one, other))
        return bool(np.array_equal(*plain, equal_nan=True)) and same(getattr(one, "meta", 0), getattr(other, "meta", 0))
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return one is other or one == other


def seeded(transform: Any, seed: int = 3) -> Any:
    return transform.set_random_state(seed) if isinstance(transform, Randomizable) else transform


def test_every_public_transform_has_a_row() -> None:
    public = {name for name in transforms.__all__ if isinstance(getattr(transforms, name), type)}
    assert ROWS.keys() == public


@pytest.mark.parametrize("name", ROWS)
def test_the_item_that_came_in_is_not_changed(name: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        item = given(name, copy.deepcopy(cases[dimensions]))
        before = copy.deepcopy(item)
        result = seeded(made(name, dimensions, tmp_path))(item)
        assert same(item, before) == (not ROWS[name].in_place)
        if isinstance(item, dict) and not ROWS[name].in_place:
            for key, value in result.items():  # nor by who writes into the metadata of what came out
                if isinstance(value, MetaTensor) and value is not item.get(key):
                    value.meta["written"] = value.affine[0, 0] = 7
            assert same(item, before)


@pytest.mark.parametrize("name", ROWS)
def test_a_seed_a_copy_and_another_process_give_the_same(name: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        transform = made(name, dimensions, tmp_path)
        copied = pickle.loads(pickle.dumps(transform))  # as spawned workers get it
        first = seeded(transform)(given(name, cases[dimensions]))
        for other in (transform, copied):
            for draw in (torch.rand, np.random.rand, lambda n: random.random()):
                draw(1)  # the states of the process are others now
            assert same(seeded(other)(given(name, cases[dimensions])), first)
        if isinstance(transform, Randomizable):
            another = seeded(transform, 4)(given(name, cases[dimensions]))
            assert not same(another, first), "expected another result of another seed; give the row other arguments"


@pytest.mark.parametrize("name", ROWS)
def test_a_missing_key_is_named_or_left_out(name: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        transform = made(name, dimensions, tmp_path)
        if not isinstance(transform, MapTransform):
            continue
        for key in transform.keys:
            item = dict(cases[dimensions])
            del item[key]
            with pytest.raises((KeyError, ValueError), match=key):
                seeded(transform)(item)
        if "allow_missing_keys" in inspect.signature(type(transform)).parameters:
            item = {key: value for key, value in item.items() if key not in transform.keys}
            lenient = made(name, dimensions, tmp_path, allow_missing_keys=True)
            result = seeded(lenient)(item)
            assert all(same(result[key], value) for key, value in item.items())
            assert not set(transform.keys) & set(result)


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.takes is None])
def test_whatever_an_item_lacks_is_named_or_not_needed(name: str, cases: Cases, tmp_path: Path) -> None:
    dimensions = ROWS[name].dimensions[0]
    transform, item = made(name, dimensions, tmp_path), dict(cases[dimensions])
    for key in named_keys(name) & item.keys():
        try:
            seeded(transform)({other: value for other, value in item.items() if other != key})
        except (KeyError, ValueError) as error:
            assert key in str(error)


@pytest.mark.parametrize("name", ROWS)
def test_metadata_stay_with_what_keeps_its_shape(name: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        item = dict(cases[dimensions])
        if ROWS[name].takes not in (None, "label"):
            continue
        result = seeded(made(name, dimensions, tmp_path))(given(name, item))
        result = result if isinstance(result, dict) else {"label": result}
        for key, value in result.items():
            before = item.get(key)
            if isinstance(before, MetaTensor) and value.shape[1:] == before.shape[1:]:
                assert isinstance(value, MetaTensor), key
                assert torch.equal(value.affine, before.affine), key
                if name != "KeepAffined":  # which is there to drop all else
                    assert value.meta["filename_or_obj"] == before.meta["filename_or_obj"], key


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, row in ROWS.items() for key in row.geometry])
def test_the_affine_says_where_the_voxels_went(name: str, key: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        for axis in range(dimensions):  # the image holds its own coordinate, from 0 to 1
            item = dict(cases[dimensions])
            before, last = item[key].affine, SIDES[axis] - 1
            ramp = torch.arange(last + 1) / last
            item[key] = torch.zeros_like(item[key]) + ramp.view(-1, *[1] * (dimensions - 1 - axis))
            value = seeded(made(name, dimensions, tmp_path))(item)[key]
            assert value.shape[1:] != item[key].shape[1:]
            voxels = torch.arange(value.shape[axis + 1], dtype=torch.float64)
            world = value.affine[axis, axis] * voxels + value.affine[axis, -1]
            expected = (world - before[axis, -1]) / before[axis, axis] / last
            expected = expected.view(-1, *[1] * (dimensions - 1 - axis)).expand(value.shape[1:])
            inside = (value[0] > 0.01) & (value[0] < 0.99)
            assert inside.any()
            torch.testing.assert_close(value[0].as_tensor()[inside], expected[inside].float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, row in ROWS.items() for key in row.labels])
def test_what_nobody_labeled_does_not_become_a_class(name: str, key: str, cases: Cases, tmp_path: Path) -> None:
    for dimensions in ROWS[name].dimensions:
        item = dict(cases[dimensions])
        result = seeded(made(name, dimensions, tmp_path))(item)[key]
        if result.shape[1:] == item["image"].shape[1:]:
            assert (result[:, 0] == -1).all()
            assert (result[:, 1:] >= 0).any()
        item |= {other: torch.full_like(item[other], -1) for other in ("label", "annotators", "soft")}
        assert (seeded(made(name, dimensions, tmp_path))(item)[key] == -1).all()


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.takes is None])
def test_what_is_done_to_a_result_does_not_reach_the_cache(name: str, cases: Cases, tmp_path: Path) -> None:
    dimensions = ROWS[name].dimensions[0]
    transform = made(name, dimensions, tmp_path)
    if not isinstance(transform, Randomizable):
        return
    cached = CacheDataset([copy.deepcopy(cases[dimensions])], transform, progress=False)
    for value in cached[0].values():
        if isinstance(value, torch.Tensor):
            value.fill_(7)
    first = seeded(made(name, dimensions, tmp_path))(dict(cases[dimensions]))
    seeded(transform)
    assert same(cached[0], first)
