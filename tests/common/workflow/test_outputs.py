"""What metrics see of an engine's output."""

from __future__ import annotations

import pytest
import torch

from common.transforms import as_class_map
from common.workflow.outputs import class_maps


@pytest.mark.parametrize("channels", [1, 4])
@pytest.mark.parametrize("size", [(5,), (5, 6), (5, 6, 3)])
def test_a_batch_has_the_class_maps_of_its_images(channels: int, size: tuple[int, ...]) -> None:
    logits = torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), requires_grad=True)
    label = torch.zeros(3, 1, *size)
    found, same = class_maps({"pred": logits, "label": label})
    assert same is label and not found.requires_grad
    torch.testing.assert_close(found, torch.stack([as_class_map(image) for image in logits.detach()]))
