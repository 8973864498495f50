"""A training step that learns the annotators too, against the step of the same backbone on one label.

python benchmarks/speed_annotators.py [--size 192] [--batch 4] [--annotators 4] [--classes 2] [--width 32]
    [--rounds 11] [--device cpu] [--amp False] [--heads "['full','rank 1','global','hidden 16']"]

Prints JSON: the median of a step (forward, loss, backward, Adam) in milliseconds and its median ratio to the plain
cross-entropy step of the same round, and the peak of the tensors' memory within a step, in MiB and as a ratio. The
steps take turns in one run, in another order each round, on one thread. Required: full heads at most 1.6 in both.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable

import fire
import torch
from monai.networks.nets import DynUNet
from torch import nn

from common.losses import AnnotatorConfusionLoss
from common.networks import AnnotatorNetwork

PLAIN = "plain"
HEADS = ("full", "rank 1", "global", "hidden 16")


def backbone(out_channels: int, width: int) -> nn.Module:
    return DynUNet(2, 1, out_channels, [3] * 4, [1, 2, 2, 2], [2] * 3, [width * 2**level for level in range(4)])


def annotator_network(head: str, classes: int, annotators: int, width: int) -> AnnotatorNetwork:
    kind, _, number = head.partition(" ")
    return AnnotatorNetwork(
        backbone(width, width),
        spatial_dims=2,
        feature_channels=width,
        num_classes=classes,
        num_annotators=annotators,
        image_dependent=kind != "global",
        rank=int(number) if kind == "rank" else None,
        hidden_channels=int(number) if kind == "hidden" else None,
    )


def training_step(
    network: nn.Module, loss: Callable[..., torch.Tensor], image: torch.Tensor, label: torch.Tensor, amp: bool
) -> Callable[[], float]:
    """A function that trains once and returns the milliseconds it took."""
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler(image.device.type, enabled=amp)

    def step() -> float:
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(image.device.type, enabled=amp):
            prediction = network(image)
            value = loss(*prediction, label) if isinstance(prediction, tuple) else loss(prediction, label)
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
        if image.device.type == "cuda":
            torch.cuda.synchronize()
        return 1000 * (time.perf_counter() - start)

    return step


def peak_mib(step: Callable[[], float], device: str) -> float:
    """The most memory that one step has allocated at a time beyond what was there before."""
    if device.startswith("cuda"):
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return (torch.cuda.max_memory_allocated(device) - before) / 2**20
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    changes = [event for event in profile.profiler.kineto_results.events() if event.name() == "[memory]"]
    total = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        total += event.nbytes()
        peak = max(peak, total)
    return peak / 2**20


def main(
    size: int = 192,
    batch: int = 4,
    annotators: int = 4,
    classes: int = 2,
    width: int = 32,
    rounds: int = 11,
    device: str = "cpu",
    amp: bool = False,
    heads: tuple[str, ...] = HEADS,
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    image = torch.rand(batch, 1, size, size, device=device)
    labels = torch.randint(classes, (batch, annotators, size, size), device=device)
    steps = {PLAIN: training_step(backbone(classes, width).to(device), nn.CrossEntropyLoss(), image, labels[:, 0], amp)}
    for head in heads:
        network = annotator_network(head, classes, annotators, width).to(device)
        steps[head] = training_step(network, AnnotatorConfusionLoss(), image, labels, amp)
    for step in steps.values():
        step()
    memory = {name: peak_mib(step, device) for name, step in steps.items()}
    order = list(steps)
    shuffle = random.Random(0).shuffle
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        shuffle(order)
        for name in order:
            times[name].append(steps[name]())
    results = {
        name: {
            "step_ms": round(statistics.median(values), 2),
            "step_ratio": round(statistics.median(a / b for a, b in zip(values, times[PLAIN], strict=True)), 3),
            "peak_mib": round(memory[name], 2),
            "peak_ratio": round(memory[name] / memory[PLAIN], 3),
        }
        for name, values in times.items()
    }
    settings = {
        "size": size,
        "batch": batch,
        "annotators": annotators,
        "classes": classes,
        "width": width,
        "device": device,
    }
    print(json.dumps(settings | results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
