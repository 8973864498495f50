"""What a label loses on the plan's grid: by its nearest voxel, and by shares of classes.

    python -m benchmarks.resampled_labels --data DATA [--cases 20]

Labels of DATA/hippocampus and DATA/acdc are resampled by MONAI's ``Spacingd`` with ``nearest`` and by
`common.transforms.AxisSpacingLabelsd`, and brought back as inference brings back a network's maps: one map for each
class, on straight lines, of which the largest is taken. Prints Dice with the label itself, the most that a network can
reach which learns the resampled label perfectly, and the change of volume on the way there, means over cases and
structures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import fire
import torch
from monai.data import MetaTensor
from monai.networks import one_hot
from monai.transforms import Spacingd

from common.datasets import read_dataset
from common.io import read_label_values
from common.metrics import dice_score, structure_pair
from common.report.tables import markdown_table
from common.transforms import AxisSpacingLabelsd, interpolate_axis

SPACINGS = {
    "hippocampus": [(side,) * 3 for side in (0.97, 1.03, 1.2, 1.5, 2.0)],
    "acdc": [(side, side, -1.0) for side in (1.4, 2.0, 3.0)],
}
RULES: Mapping[str, Callable[[tuple[float, ...]], Callable]] = {
    "nearest": lambda spacing: Spacingd("label", spacing, mode="nearest", dtype="float32"),
    "shares": lambda spacing: AxisSpacingLabelsd("label", spacing),
}


def way_and_back(label: MetaTensor, spacing: tuple[float, ...], rule: str, classes: int) -> tuple[float, float]:
    """Dice after the way back, and the change of volume, means over the structures of a label ``(1, *spatial)``."""
    resampled = RULES[rule](spacing)({"label": label})["label"]
    sides, new_sides = (affine[:3, :3].norm(dim=0).double() for affine in (label.affine, resampled.affine))
    maps = one_hot(torch.as_tensor(resampled).as_subclass(torch.Tensor)[None], classes)[0]
    for axis, size in enumerate(label.shape[1:]):
        positions = torch.arange(size, dtype=torch.float64) * (sides[axis] / new_sides[axis])
        maps = interpolate_axis(maps, axis + 1, positions)
    before, after = (torch.stack([(values == k).sum() for k in range(1, classes)]) for values in (label, resampled))
    change = after * (new_sides / sides).prod() / before - 1
    pair = structure_pair(maps.argmax(0)[None, None], torch.as_tensor(label)[None], classes, include_background=False)
    return float(dice_score(*pair).nanmean()), float(change[before > 0].mean())


def main(data: str, cases: int = 20) -> None:
    rows = []
    for name, spacings in SPACINGS.items():
        items = [item for item in read_dataset(Path(data) / name).items if item.get("label")][:cases]
        labels = [MetaTensor(read_label_values(item["label"]).float()) for item in items]
        classes = int(max(label.max() for label in labels)) + 1
        for spacing in spacings:
            found = {
                rule: torch.tensor([way_and_back(label, spacing, rule, classes) for label in labels]).nanmean(0)
                for rule in RULES
            }
            dice = [f"{float(values[0]):.3f}" for values in found.values()]
            change = [f"{float(values[1]):+.1%}" for values in found.values()]
            rows.append([f"{name}, {spacing[0]:g} mm", *dice, *change])
    print(
        markdown_table(["label, spacing", *(f"Dice, {rule}" for rule in RULES), *(f"volume, {r}" for r in RULES)], rows)
    )


if __name__ == "__main__":
    fire.Fire(main)
