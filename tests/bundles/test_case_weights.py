"""`--case_weights` in every bundle: which cases are left, and in what order they are drawn."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser
from torch.utils.data import WeightedRandomSampler


def test_cases_are_left_out_and_the_others_drawn(bundle: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs/train.yaml"))
    places = {"bundle_root": str(tmp_path), "device": "cpu", "cache": "disk"}
    parser.update({**tiny["train"], **places, "fold": 1, "num_folds": 3})
    before = parser.get_parsed_content("split")
    out, often, *others = cases = [item["case"] for item in before.training]
    (tmp_path / "weights.csv").write_text(f"case,weight\n{out},0\n{often},4\n{before.validation[0]['case']},0\n")

    parser["case_weights"] = str(tmp_path / "weights.csv")
    parser.parse(reset=True)
    split, plan, dataset, sampler = (
        parser.get_parsed_content(name) for name in ("split", "plan", "train#dataset", "train#sampler")
    )
    assert [item["case"] for item in dataset.data] == [item["case"] for item in split.training] == [often, *others]
    assert split.validation == before.validation and plan.fingerprint["cases"] == len(cases) - 1
    samples = [dataset[index]["case"] for index in range(len(dataset))]
    length = parser.get("iterations_per_epoch", 0) * parser["batch_size"] or len(samples)
    loader = parser.get_parsed_content("train#dataloader")
    assert loader.sampler is sampler and isinstance(sampler, WeightedRandomSampler) and len(sampler) == length
    torch.manual_seed(0)
    drawn = Counter(samples[index] for _ in range(6000 // length) for index in sampler)
    share = 4 * samples.count(often) / (len(samples) + 3 * samples.count(often))
    assert abs(drawn[often] / drawn.total() - share) < 0.05, "eight standard deviations off"
