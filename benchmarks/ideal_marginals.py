"""What the Dice-optimal threshold gains where the marginals are known: no network, the closed form of Theorem 1.

    python -m benchmarks.ideal_marginals [--levels "[0.03, 0.06]"]

The test cases, patches and noisy labels are those of the table `marginal_thresholding_phantom` (fold k with seed k);
in place of a network's output stands `common.noise.gaussian_marginal` of the clean label. Prints the mean Dice with the
noisy labels at one half and at the Dice-optimal threshold, over the test cases of all runs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fire
import torch
from monai.bundle import ConfigParser

from common.decision import decide
from common.metrics import dice_score
from common.noise import gaussian_marginal
from common.phantoms import write_ct_phantom
from common.report.tables import markdown_table

CONFIGS = Path(__file__).parents[1] / "bundles/marginal_thresholding/configs"
ORGANS = ("kidney_right", "aorta", "esophagus")


def labels(data: str, organ: str, level: float, run: int) -> list[dict[str, Any]]:
    """The test cases of a run with ``label``, noisy, and ``clean_label``."""
    parser = ConfigParser()
    parser.read_config([CONFIGS / f"{name}.yaml" for name in ("train", "phantom", "noise")])
    given = {"dataset_dir": data, "organ": organ, "noise_a": level, "fold": run, "seed": run, "cache": "none"}
    for key, value in given.items():
        parser[key] = value
    parser["validate"]["dataset"]["data"] = "$@split.test or @split.validation"
    return list(parser.get_parsed_content("validate#dataset"))


def dice_of_ideal(clean: torch.Tensor, noisy: torch.Tensor, level: float) -> list[float]:
    """Dice of both decisions on the marginal of a clean label ``(1, *spatial)`` with a noisy one."""
    marginal = gaussian_marginal(clean[None].double(), level)
    maps = [decide(marginal, rule).class_map for rule in ("half", "dice_optimal")]
    return [float(dice_score(found, noisy[None] > 0)) for found in maps]


def main(levels: Sequence[float] = (0.03, 0.06), runs: Sequence[int] = (0, 1, 2)) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data = write_ct_phantom(f"{folder}/phantom")
        for organ in ORGANS:
            for level in levels:
                items = [item for run in runs for item in labels(data, organ, level, run)]
                values = [dice_of_ideal(item["clean_label"], item["label"], level) for item in items]
                half, optimal = torch.tensor(values).nanmean(0).tolist()
                rows.append([organ, level, f"{half:.3f}", f"{optimal:.3f}", f"{optimal - half:+.3f}"])
    print(markdown_table(["organ", "a", "at 1/2", "Dice-optimal", "gain"], rows))


if __name__ == "__main__":
    fire.Fire(main)
