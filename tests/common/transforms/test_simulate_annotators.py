"""The annotators belong to the case: not to the worker, the epoch, the order, the cache or each other."""

from __future__ import annotations

import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor, decollate_batch
from monai.transforms import RandomizableTrait

from common.datasets.in_memory import in_memory
from common.errors import InputError
from common.noise import case_generator, simulate_annotator
from common.transforms import SimulateAnnotatorsd

FIVE = {kind: kind for kind in ("good", "over", "under", "wrong", "blank")}


def truth(size: int = 20, dtype: torch.dtype = torch.uint8, spatial_dims: int = 2) -> torch.Tensor:
    label = torch.zeros(1, *[size] * spatial_dims, dtype=dtype)
    inside = slice(size // 4, 3 * size // 4)
    label[(0, *[inside] * spatial_dims)] = 1
    return label


def cases(count: int) -> list[dict]:
    return [{"case": f"case_{index}", "label": truth()} for index in range(count)]


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_labels_are_those_of_the_functions(spatial_dims: int):
    label = truth(12, spatial_dims=spatial_dims)
    habits = {"AR": "wrong", "HS": {"kind": "over", "strength": 0.5}, "SG": {"kind": "wrong", "fractures": 0}}
    item = SimulateAnnotatorsd("label", habits, seed=3)({"case": "a", "label": label})
    assert item["annotators"].shape == (3, *label.shape[1:])
    assert torch.equal(item["label"], label)
    expected = [
        simulate_annotator(label[0], "wrong", case_generator(3, "a", "AR")),
        simulate_annotator(label[0], "over", case_generator(3, "a", "HS"), strength=0.5),
        simulate_annotator(label[0], "wrong", case_generator(3, "a", "SG"), fractures=0),
    ]
    assert torch.equal(item["annotators"], torch.stack(expected))


def test_the_target_of_several_classes():
    label = truth() + torch.roll(truth(), 5, 1) * truth()
    item = SimulateAnnotatorsd("label", {"a": {"kind": "over", "target": 2, "strength": 0.4}})(
        {"case": "a", "label": label}
    )
    changed = item["annotators"] != label
    assert changed.any() and (item["annotators"][changed] == 2).all()


def test_order_worker_epoch_and_cache_do_not_matter():
    simulate = SimulateAnnotatorsd("label", FIVE, labels_per_image=3)
    assert not isinstance(simulate, RandomizableTrait)
    expected = {item["case"]: simulate(item)["annotators"] for item in cases(8)}
    assert len({tuple(labels.flatten().tolist()) for labels in expected.values()}) > 3
    for dataset in (Dataset(cases(8)[::-1], simulate), in_memory(cases(8)[::-1], simulate)):
        loader = DataLoader(dataset, batch_size=3, shuffle=True, num_workers=2)
        for _ in range(2):
            for batch in loader:
                for case, labels in zip(batch["case"], batch["annotators"], strict=True):
                    assert torch.equal(labels, expected[case])


def test_the_other_annotators_and_the_seed():
    item = cases(1)[0]
    alone = SimulateAnnotatorsd("label", {"wrong": "wrong"})(item)["annotators"]
    assert torch.equal(SimulateAnnotatorsd("label", FIVE)(item)["annotators"][3:4], alone)
    assert not torch.equal(SimulateAnnotatorsd("label", {"wrong": "wrong"}, seed=1)(item)["annotators"], alone)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.int64, torch.float32, torch.float16])
def test_labels_per_image(dtype: torch.dtype):
    every = SimulateAnnotatorsd("label", FIVE)
    one = SimulateAnnotatorsd("label", FIVE, labels_per_image=1)
    chosen = set()
    for index in range(30):
        item = {"case": index, "label": truth(8, dtype)}
        complete, single = every(item)["annotators"], one(item)["annotators"]
        present = [r for r in range(5) if (single[r] != -1).any()]
        assert len(present) == 1
        assert torch.equal(single[present[0]], complete[present[0]].to(single.dtype))
        assert (single[[r for r in range(5) if r not in present]] == -1).all()
        chosen.update(present)
    assert chosen == set(range(5))


def test_an_item_may_name_its_annotators():
    item = {"case": "a", "label": truth(), "annotators": ["over", "blank"]}
    labels = SimulateAnnotatorsd("label", FIVE)(item)["annotators"]
    assert [name for name, label in zip(FIVE, labels, strict=True) if label.min() >= 0] == ["over", "blank"]
    with pytest.raises(InputError, match=r"Case a: expected labels by some of AR, got blank, over"):
        SimulateAnnotatorsd("label", {"AR": "good"})(item)


def test_metadata_and_the_other_keys_are_kept():
    affine = torch.diag(torch.tensor([2.0, 3.0, 1.0, 1.0]))
    label = MetaTensor(truth(), affine=affine, meta={"filename_or_obj": "a.nii"})
    data = {"case": "a", "label": label, "image": 7}
    item = SimulateAnnotatorsd("label", FIVE, output_key="raters")(data)
    assert set(item) == {"case", "label", "image", "raters"} and set(data) == {"case", "label", "image"}
    assert torch.equal(item["raters"].affine, affine.double())
    assert item["raters"].meta["filename_or_obj"] == "a.nii"
    batch = next(iter(DataLoader(Dataset([data], SimulateAnnotatorsd("label", FIVE)), batch_size=1)))
    assert decollate_batch(batch)[0]["annotators"].shape == (5, 20, 20)


def test_mistakes_are_named():
    for habits in ("bad", {"strength": 1.0}, {"kind": "over", "power": 1.0}):
        with pytest.raises(InputError, match="annotators: expected of 'AR' a kind"):
            SimulateAnnotatorsd("label", {"AR": habits})
    for annotators, count in (({}, None), (FIVE, 0)):
        with pytest.raises(InputError, match="at least one annotator and one label"):
            SimulateAnnotatorsd("label", annotators, labels_per_image=count)
    with pytest.raises(InputError, match="keys: expected one"):
        SimulateAnnotatorsd(["label", "other"], FIVE)
    with pytest.raises(InputError, match="needs its case name"):
        SimulateAnnotatorsd("label", FIVE)({"label": truth()})
    with pytest.raises(InputError, match=r"Case a: expected a truth \(1, \*spatial\)"):
        SimulateAnnotatorsd("label", FIVE)({"case": "a", "label": truth().expand(2, -1, -1)})
    with pytest.raises(InputError, match="Case a, annotator over: target: expected one of the label's several"):
        several = truth() + torch.roll(truth(), 5, 1)
        SimulateAnnotatorsd("label", FIVE)({"case": "a", "label": several})


def test_slices_are_images_of_their_own():
    """Each is drawn as a case of its own, whatever the others are."""
    label = torch.zeros(1, 12, 12, 3)
    label[0, 3:9, 3:9, :2] = 1
    habits = {"over": "over", "wrong": "wrong"}
    found = SimulateAnnotatorsd("label", habits, slice_axis=2)({"case": "a", "label": label})["annotators"]
    for index in range(3):
        alone = {"case": f"a_{index:03d}", "label": label[..., index]}
        assert torch.equal(SimulateAnnotatorsd("label", habits)(alone)["annotators"], found[..., index])
    assert (found[0, ..., 0] > label[0, ..., 0]).any() and not found[..., 2].any()
