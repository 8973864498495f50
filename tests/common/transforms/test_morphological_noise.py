"""The noise belongs to the case: not to the worker, the epoch, the order or the cache."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, DataLoader, Dataset, MetaTensor
from monai.transforms import Compose, CopyItemsd, RandomizableTrait
from scipy.stats import chisquare

from common.errors import InputError
from common.noise import MORPHOLOGICAL_KINDS, relative_change
from common.transforms import MorphologicalNoised


def square(channels: int = 1, size: int = 24, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
    label = torch.zeros(channels, size, size, dtype=dtype)
    label[:, size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = 1
    return label


def cases(count: int) -> list[dict]:
    return [{"case": f"case_{index}", "label": square()} for index in range(count)]


@cache
def kinds_of(alpha: float, seed: int = 0, count: int = 2000, beta: float = 0.7) -> np.ndarray:
    """The kind of every case; a label of 5 × 5 pixels with an object that each kind changes."""
    label = torch.zeros(1, 5, 5)
    label[:, 1:4, 1:4] = 1
    noise = MorphologicalNoised("label", alpha, beta, seed)
    return np.array([noise({"case": f"case_{index}", "label": label})["noise_kind"] for index in range(count)])


@pytest.mark.parametrize("alpha", [0.3, 0.5, 0.7])
def test_alpha_is_the_share_of_noisy_cases(alpha: float):
    noisy = kinds_of(alpha) != "none"
    assert abs(noisy.mean() - alpha) < 4 * np.sqrt(alpha * (1 - alpha) / len(noisy))


def test_no_case_or_every_case():
    assert set(kinds_of(0.0, count=50)) == {"none"}
    assert "none" not in kinds_of(1.0, count=200)


def test_the_kinds_are_drawn_equally_often():
    kinds = kinds_of(0.7)
    assert chisquare([(kinds == kind).sum() for kind in MORPHOLOGICAL_KINDS]).pvalue > 0.001


def test_a_smaller_alpha_has_a_part_of_the_noisy_cases():
    few, many = kinds_of(0.3), kinds_of(0.7)
    np.testing.assert_array_equal(few[few != "none"], many[few != "none"])


def test_the_seed_draws_other_cases():
    assert 0.3 < (kinds_of(0.5)[:300] == kinds_of(0.5, seed=1, count=300)).mean() < 0.7


def test_the_strength():
    noise = MorphologicalNoised("label", alpha=1.0, beta=0.6)
    for item in cases(20):
        assert relative_change(noise(item)["label"], item["label"]) == pytest.approx(0.6, abs=0.16)


def test_the_noise_does_not_depend_on_order_worker_or_epoch():
    noise = MorphologicalNoised("label", alpha=0.7, beta=0.7)
    expected = {item["case"]: noise(item) for item in cases(12)}
    assert {item["noise_kind"] for item in expected.values()} == {"none", *MORPHOLOGICAL_KINDS}
    loader = DataLoader(Dataset(cases(12)[::-1], noise), batch_size=3, shuffle=True, num_workers=2)
    for _ in range(2):
        for batch in loader:
            for case, kind, label in zip(batch["case"], batch["noise_kind"], batch["label"], strict=True):
                assert kind == expected[case]["noise_kind"]
                assert torch.equal(label, expected[case]["label"])


class Counted(MorphologicalNoised):
    calls = 0

    def __call__(self, data):
        type(self).calls += 1
        return super().__call__(data)


def test_it_is_cached():
    """To MONAI it is not a random transform, so the cache holds its result, which is the same as without cache."""
    noise = Counted("label", alpha=0.7, beta=0.7)
    assert not isinstance(noise, RandomizableTrait)
    pipeline = Compose([CopyItemsd("label", names="clean_label"), noise])
    cached, uncached = CacheDataset(cases(6), pipeline, progress=False), Dataset(cases(6), pipeline)
    assert Counted.calls == 6
    for _ in range(2):
        noisy = [cached[index] for index in range(6)]
    assert Counted.calls == 6
    for index in range(6):
        assert torch.equal(noisy[index]["label"], uncached[index]["label"])
        assert torch.equal(noisy[index]["clean_label"], square())


def test_metadata_dtype_and_input_are_kept():
    label = MetaTensor(square(dtype=torch.float32), meta={"filename": "a.png"})
    item = {"case": "a", "label": label, "image": torch.ones(1, 24, 24)}
    result = MorphologicalNoised("label", alpha=1.0, beta=0.7, kinds=["dilation"])(item)
    assert isinstance(result["label"], MetaTensor) and result["label"].dtype == torch.float32
    assert result["label"].meta["filename"] == "a.png"
    assert result["label"].meta["noise_kind"] == result["noise_kind"] == "dilation"
    assert result["image"] is item["image"]
    assert (
        torch.equal(label, square(dtype=torch.float32)) and "noise_kind" not in label.meta and "noise_kind" not in item
    )


def test_a_clean_case_says_so():
    label = MetaTensor(square())
    result = MorphologicalNoised("label", alpha=0.0, beta=0.7)({"case": "a", "label": label})
    assert torch.equal(result["label"], label)
    assert result["label"].meta["noise_kind"] == result["noise_kind"] == "none"
    assert "noise_kind" not in label.meta


def test_an_unchanged_label_is_not_called_noisy():
    result = MorphologicalNoised("label", alpha=1.0, beta=0.7)({"case": "a", "label": torch.zeros(1, 8, 8)})
    assert result["noise_kind"] == "none" and not result["label"].any()


def test_channels_and_keys_share_the_kind():
    noise = MorphologicalNoised(["label", "other"], alpha=1.0, beta=0.7, kinds=("erosion", "dilation"))
    for index in range(10):
        result = noise({"case": str(index), "label": square(3), "other": square(1, size=12)})
        grown = torch.cat([result["label"].sum((1, 2)) > 144, result["other"].sum((1, 2)) > 36])
        assert grown.all() if result["noise_kind"] == "dilation" else not grown.any()


def test_an_empty_channel_stays_empty():
    label = square(2)
    label[0] = 0
    result = MorphologicalNoised("label", alpha=1.0, beta=0.7)({"case": "a", "label": label})
    assert not result["label"][0].any() and not torch.equal(result["label"][1], label[1])


@pytest.mark.parametrize("kind", MORPHOLOGICAL_KINDS)
def test_volumes(kind: str):
    label = torch.zeros(2, 14, 16, 18)
    label[:, 4:10, 5:11, 6:12] = 1
    result = MorphologicalNoised("label", alpha=1.0, beta=0.7, kinds=(kind,))({"case": "a", "label": label})
    assert result["label"].shape == label.shape and result["noise_kind"] == kind
    for noisy, clean in zip(result["label"], label, strict=True):
        assert relative_change(noisy, clean) == pytest.approx(0.7, abs=0.4) and noisy.any()


def test_numpy_labels():
    result = MorphologicalNoised("label", alpha=1.0, beta=0.7)({"case": "a", "label": square().numpy()})
    expected = MorphologicalNoised("label", alpha=1.0, beta=0.7)({"case": "a", "label": square()})
    assert torch.equal(torch.as_tensor(result["label"]), torch.as_tensor(expected["label"]))


def test_another_key_holds_the_case_name():
    by_case = MorphologicalNoised("label", alpha=0.5, beta=0.7)
    by_name = MorphologicalNoised("label", alpha=0.5, beta=0.7, case_key="name")
    for item in cases(10):
        result = by_name({"name": item["case"], "label": item["label"]})
        assert torch.equal(result["label"], by_case(item)["label"])


def test_missing_keys():
    assert MorphologicalNoised("label", 1.0, 0.7, allow_missing_keys=True)({"case": "a"})["noise_kind"] == "none"
    with pytest.raises(KeyError, match="label"):
        MorphologicalNoised("label", 1.0, 0.7)({"case": "a"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"alpha": 1.1}, "alpha.*from 0 to 1, got 1.1"),
        ({"alpha": -0.1}, "alpha"),
        ({"alpha": float("nan")}, "alpha"),
        ({"beta": -1.0}, "beta.*got -1.0"),
        ({"beta": float("inf")}, "beta"),
        ({"kinds": ()}, "kinds"),
        ({"kinds": ("erosion", "shear")}, "kinds: expected one or more of erosion, dilation, displacement.*shear"),
    ],
)
def test_arguments_out_of_range(arguments: dict, message: str):
    with pytest.raises(InputError, match=message):
        MorphologicalNoised(**{"keys": "label", "alpha": 0.5, "beta": 0.5, **arguments})


def classes() -> torch.Tensor:
    label = torch.zeros(1, 24, 24)
    label[:, 4:12, 4:12], label[:, 12:20, 4:12], label[:, 4:20, 14:20] = 1, 2, 3
    label[:, :, 22:] = -1
    return label


def test_of_a_class_map_one_class_is_drawn_for_each_case():
    clean, noise = classes(), MorphologicalNoised("label", alpha=1.0, beta=0.5)
    drawn = []
    for index in range(300):
        item = {"case": f"case_{index}", "label": clean}
        result = noise(item)
        structure = result["noise_structure"]
        others = (clean != 0) & (clean != structure)
        assert torch.equal(result["label"][others], clean[others])
        assert result["noise_kind"] != "none" and not torch.equal(result["label"] == structure, clean == structure)
        assert torch.equal(noise(item)["label"], result["label"])
        drawn.append(structure)
    assert chisquare([drawn.count(structure) for structure in (1, 2, 3)]).pvalue > 0.001


def test_a_named_structure():
    clean = MetaTensor(classes())
    noise = MorphologicalNoised(["label", "other"], alpha=1.0, beta=0.5, structure=2)
    result = noise({"case": "a", "label": clean, "other": torch.where(clean == 2, 0, clean)})
    assert result["noise_structure"] == result["label"].meta["noise_structure"] == 2
    assert not torch.equal(result["label"], clean), "class 2 changes"
    assert torch.equal(result["other"], torch.where(clean == 2, 0, clean)), "and nothing does where it is missing"


def test_all_annotators_err_in_the_same_structure():
    clean = classes().repeat(3, 1, 1)
    clean[2] = -1  # absent
    result = MorphologicalNoised("label", alpha=1.0, beta=0.5)({"case": "a", "label": clean})
    others = clean != result["noise_structure"]
    assert torch.equal(result["label"][others & (clean != 0)], clean[others & (clean != 0)])
    assert not torch.equal(result["label"][0], clean[0]) and torch.equal(result["label"][2], clean[2])


def test_a_wrong_item_is_named():
    noise = MorphologicalNoised("label", alpha=1.0, beta=0.7)
    with pytest.raises(InputError, match="'case' or a tensor that was read from a file, but has only label"):
        noise({"label": square()})
    with pytest.raises(InputError, match=r"Case lung_7, channel 0: .*2-D or 3-D mask"):
        noise({"case": "lung_7", "label": square()[..., None, None]})
    with pytest.raises(InputError, match="structure: expected a class from 1 up, or None to draw one, got 0"):
        MorphologicalNoised("label", alpha=1.0, beta=0.7, structure=0)
