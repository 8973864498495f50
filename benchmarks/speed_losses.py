"""A training step with each loss against the same step with cross-entropy.

python benchmarks/speed_losses.py [--size 64] [--batch 8] [--repetitions 101] [--device cpu] [--amp False]

Prints JSON: the median of a step (forward, loss, backward, Adam) in milliseconds, and the median ratio to the
cross-entropy step of the same round. The steps take turns in one run, in another order each round, on one thread.
Required: T-Loss at most 1.03, NCE+RCE at most 1.05.
"""

from __future__ import annotations

import copy
import json
import random
import statistics
import time
from collections.abc import Callable

import fire
import torch
from monai.networks.nets import DynUNet

from common.losses import (
    ActivePassiveLoss,
    GeneralizedCrossEntropyLoss,
    MeanAbsoluteErrorLoss,
    NormalizedCrossEntropyLoss,
    NormalizedGeneralizedCrossEntropyLoss,
    ReverseCrossEntropyLoss,
    SymmetricCrossEntropyLoss,
    TLoss,
)
from common.workflow import parameter_groups

BASELINE = "cross_entropy"
LOSSES: dict[str, Callable[[], torch.nn.Module]] = {
    BASELINE: torch.nn.BCEWithLogitsLoss,
    "t_loss": lambda: TLoss(sigmoid=True),
    "mae": lambda: MeanAbsoluteErrorLoss(sigmoid=True),
    "gce": lambda: GeneralizedCrossEntropyLoss(sigmoid=True),
    "sce": lambda: SymmetricCrossEntropyLoss(sigmoid=True),
    "nce_rce": lambda: ActivePassiveLoss(NormalizedCrossEntropyLoss(), ReverseCrossEntropyLoss(), sigmoid=True),
    "ngce_rce": lambda: ActivePassiveLoss(
        NormalizedGeneralizedCrossEntropyLoss(), ReverseCrossEntropyLoss(), sigmoid=True
    ),
}


def training_step(
    network: torch.nn.Module, loss: torch.nn.Module, image: torch.Tensor, label: torch.Tensor, amp: bool
) -> Callable[[], float]:
    """A function that trains once and returns the milliseconds it took."""
    optimizer = torch.optim.Adam(parameter_groups(network, loss), lr=1e-3)
    scaler = torch.amp.GradScaler(image.device.type, enabled=amp)

    def step() -> float:
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(image.device.type, enabled=amp):
            value = loss(network(image), label)
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
        if image.device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)

    return step


def main(size: int = 64, batch: int = 8, repetitions: int = 101, device: str = "cpu", amp: bool = False) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    features = [16, 32, 64, 128]
    deeper = len(features) - 1
    network = DynUNet(2, 1, 1, [3] * (deeper + 1), [1] + [2] * deeper, [2] * deeper, features).to(device)
    image = torch.rand(batch, 1, size, size, device=device)
    label = (image > 0.5).float()
    steps = {
        name: training_step(copy.deepcopy(network), make().to(device), image, label, amp)
        for name, make in LOSSES.items()
    }
    for step in steps.values():
        step()
    order = list(steps)
    shuffle = random.Random(0).shuffle
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(repetitions):
        shuffle(order)
        for name in order:
            times[name].append(steps[name]())
    results = {
        name: {
            "step_ms": round(statistics.median(values), 3),
            "ratio": round(statistics.median(a / b for a, b in zip(values, times[BASELINE], strict=True)), 4),
        }
        for name, values in times.items()
    }
    print(json.dumps({"size": size, "batch": batch, "repetitions": repetitions, "device": device} | results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
