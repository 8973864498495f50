"""The gain of the Dice-optimal threshold where the marginals are known."""

from __future__ import annotations

import torch

from benchmarks.ideal_marginals import dice_of_ideal
from common.noise import deform_label, sample_gaussian_field


def test_a_thin_structure_is_lost_at_one_half_and_kept_by_the_threshold() -> None:
    """Moved by more than its width, a line is nowhere probable; a large square hardly gains."""
    line, square = torch.zeros(2, 1, 40, 40)
    line[:, 19:21, 4:36] = 1
    square[:, 8:32, 8:32] = 1
    fields = sample_gaussian_field((40, 40), 0.05, 0.2, torch.Generator().manual_seed(0), batch_size=40)
    for clean, low, high in ((line, 0.1, 0.7), (square, -0.01, 0.03)):
        noisy = deform_label(clean.expand(40, 1, 40, 40), fields)
        half, optimal = torch.tensor([dice_of_ideal(clean, label, 0.05) for label in noisy]).mean(0).tolist()
        assert low < optimal - half < high
