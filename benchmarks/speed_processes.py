"""Seconds of a step that two processes share: DistributedDataParallel against one message after the backward pass.

    python -m benchmarks.speed_processes

Two gloo processes of one thread each train a small U-Net, in rounds that alternate between the ways. JSON goes to
the standard output: the median seconds of a step in each round, and the ratio with its spread over the rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from common.networks import UNet

PROCESSES, ROUNDS, STEPS, WARM_UP = 2, 7, 8, 2
NETWORKS: dict[str, dict[str, Any]] = {  # features, and the size of a process's share
    "small": {"features": [8, 16, 32], "share": (2, 1, 64, 64)},
    "wide": {"features": [32, 64, 128, 256], "share": (1, 1, 32, 32)},
}


def one_message(network: nn.Module) -> None:
    """Averages all gradients in one message after the backward pass."""
    gradients = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    distributed.all_reduce(flat)
    means = (flat / PROCESSES).split([gradient.numel() for gradient in gradients])
    for gradient, mean in zip(gradients, means, strict=True):
        gradient.copy_(mean.view_as(gradient))


def nothing(network: nn.Module) -> None:
    """DistributedDataParallel has averaged already, and one process has nothing to average."""


def seconds(network: nn.Module, images: torch.Tensor, average: Callable[[nn.Module], None]) -> float:
    """The median of a few steps, after the first."""
    optimizer, times = torch.optim.Adam(network.parameters()), []
    for step in range(STEPS):
        distributed.barrier()
        start = time.perf_counter()
        optimizer.zero_grad()
        network(images).square().mean().backward()
        average(network)
        optimizer.step()
        if step >= WARM_UP:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def work(rank: int, store: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=PROCESSES)
    found = {}
    for name, settings in NETWORKS.items():
        torch.manual_seed(0)
        plain, wrapped, alone = (UNet(2, 1, 2, features=settings["features"]) for _ in range(3))
        ways: dict[str, tuple[nn.Module, Callable[[nn.Module], None]]] = {
            "one_message": (plain, one_message),
            "ddp": (DistributedDataParallel(wrapped, forward_sync_buffers=False), nothing),
            "no_exchange": (alone, nothing),
        }
        images = torch.randn(settings["share"])
        rounds = [
            {way: seconds(network, images, average) for way, (network, average) in ways.items()} for _ in range(ROUNDS)
        ]
        ratios = sorted(each["ddp"] / each["one_message"] for each in rounds)
        found[name] = {
            "parameters": sum(parameter.numel() for parameter in plain.parameters()),
            "step_ms": {way: round(1e3 * statistics.median(each[way] for each in rounds), 2) for way in ways},
            "ddp_to_one_message": round(statistics.median(ratios), 3),
            "spread": [round(ratios[0], 3), round(ratios[-1], 3)],
        }
    if rank == 0:
        print(json.dumps({"processes": PROCESSES, "threads": 1, "rounds": ROUNDS, **found}, indent=2))
    distributed.destroy_process_group()


if __name__ == "__main__":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(work, (f"{folder}/store",), nprocs=PROCESSES)
