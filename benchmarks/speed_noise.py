"""Erosion and dilation noise by the taxicab distance against iterating SciPy's morphology until β is reached.

python benchmarks/speed_noise.py [--size 256] [--beta 0.7] [--repetitions 31]

Prints JSON: medians in milliseconds, measured in turns in one run, and their ratio (required: at least 5).
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import fire
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from common.noise import dilate, erode, relative_change

Mask = NDArray[np.bool_]


def two_lungs(size: int) -> Mask:
    """Two ellipses side by side that cover about 30 % of a square image."""
    row, column = np.mgrid[:size, :size] / size
    return (((row - 0.5) / 0.33) ** 2 + ((np.abs(column - 0.5) - 0.21) / 0.15) ** 2) < 1


def iterate(operation: Callable[[Mask], Mask], mask: Mask, beta: float) -> Mask:
    """Apply ``operation`` until at least ``beta`` times the object has changed."""
    noisy, size = mask, np.count_nonzero(mask)
    while abs(np.count_nonzero(noisy) - size) < beta * size:
        noisy = operation(noisy)
    return noisy


def milliseconds(function: Callable[..., Any], *args: Any) -> float:
    start = time.perf_counter()
    function(*args)
    return 1000 * (time.perf_counter() - start)


def main(size: int = 256, beta: float = 0.7, repetitions: int = 31) -> None:
    mask = two_lungs(size)
    label = torch.from_numpy(mask.astype(np.uint8))
    pairs = {"erosion": (erode, binary_erosion), "dilation": (dilate, binary_dilation)}
    results: dict[str, Any] = {"size": size, "beta": beta, "repetitions": repetitions}
    for kind, (ours, theirs) in pairs.items():
        times = [
            (milliseconds(ours, label, beta), milliseconds(iterate, theirs, mask, beta)) for _ in range(repetitions)
        ]
        ours_ms, iterated_ms = (statistics.median(column) for column in zip(*times, strict=True))
        results[kind] = {
            "distance_ms": round(ours_ms, 3),
            "iterated_ms": round(iterated_ms, 3),
            "ratio": round(iterated_ms / ours_ms, 2),
            "relative_change": round(relative_change(ours(label, beta), label), 3),
        }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
