"""A training step and a detection of the small improved Mask R-CNN that the demo trains.

python benchmarks/speed_mask_rcnn.py [--size 128] [--batch 4] [--steps 30] [--channels 32] [--device cpu]

Prints JSON: the median step (forward, losses, backward, Adam) and the median detection per image, in milliseconds on
one thread, and the steps that fit into two minutes on one core (required: at least 500 at 128 × 128 and batch 4).
On the CPU it is the time of the process, so that others on the machine do not count.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import fire
import torch

from common.losses import table_1_loss
from common.networks import IMaskRCNN


def scene(size: int, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """An image of three slices with two bright squares."""
    image, masks = torch.randn(3, size, size, generator=generator), torch.zeros(2, size, size)
    starts = torch.randint(size - size // 5, (2, 2), generator=generator)
    for mask, (top, left) in zip(masks, starts.tolist(), strict=True):
        mask[top : top + size // 5, left : left + size // 5] = 0.8
    boxes = torch.cat((starts, starts + size // 5), 1).float()
    return image + 2 * masks.amax(0), {"boxes": boxes, "classes": torch.ones(2, dtype=torch.long), "masks": masks}


def milliseconds(work: Callable[[], object], device: str) -> float:
    clock = time.perf_counter if device.startswith("cuda") else time.process_time
    start = clock()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return 1000 * (clock() - start)


def main(size: int = 128, batch: int = 4, steps: int = 30, channels: int = 32, device: str = "cpu") -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = IMaskRCNN(
        table_1_loss("apl_soft_1_1_1", sigmoid=True),
        block="basic",
        layers=(1, 1, 1, 1),
        features=(16, 32, 64, 128),
        channels=channels,
        hidden=128,
        proposals=50,
        anchor_samples=64,
        region_samples=64,
        mask_cells=7,
    ).to(device)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    generator = torch.Generator().manual_seed(0)
    pairs = [scene(size, generator) for _ in range(batch)]
    images = torch.stack([image for image, _ in pairs]).to(device)
    targets = [target for _, target in pairs]

    def train() -> None:
        losses = network(images, targets)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()

    def detect() -> None:
        with torch.no_grad():
            network.detect(images)

    train()
    training = statistics.median(milliseconds(train, device) for _ in range(steps))
    network.eval()
    detection = statistics.median(milliseconds(detect, device) for _ in range(max(steps // 3, 1))) / batch
    print(
        json.dumps(
            {
                "size": size,
                "batch": batch,
                "device": device,
                "parameters": sum(parameter.numel() for parameter in network.parameters()),
                "step_ms": round(training, 1),
                "detection_ms_per_image": round(detection, 1),
                "steps_in_two_minutes": int(120_000 / training),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    fire.Fire(main)
