"""Gaussian-field label noise against the same law by SciPy; Dice-optimal threshold against the paper's listing 3.

python benchmarks/speed_gaussian_field.py [--size 128] [--threshold_size 256] [--repetitions 7] [--draws 20000]

Prints JSON: medians in milliseconds, measured in turns in one run, their ratios (required: at least 10 for field and
deformation, 3 for the threshold), and the errors of the field's standard deviation (required: within 1 %) and
covariance (within 2 %). With a CUDA GPU also its times at ``threshold_size``³.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Any

import fire
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, map_coordinates

from common.decision import dice_optimal_threshold
from common.noise import deform_label, gaussian_marginal, sample_gaussian_field
from common.transforms import DiceOptimalThresholdd

Array = NDArray[np.float32]
A, B = 0.03, 0.15 / math.sqrt(2)


def scipy_field(size: int, generator: np.random.Generator) -> Array:
    """Theorem 3 as the errata discretize it, in voxels: three filtered noise arrays, periodic to keep std = a.

    The fastest way with SciPy: single precision, and no padding (so that, unlike in eq. 8, opposite sides correlate).
    """
    scale = np.float32(A * size * (2 * math.pi * B**2) ** 0.75 * size**1.5)
    noise = generator.standard_normal((3, size, size, size), dtype=np.float32)
    return scale * np.stack([gaussian_filter(one, B / math.sqrt(2) * size, mode="wrap") for one in noise])


def scipy_deform(label: NDArray[np.uint8], generator: np.random.Generator) -> NDArray[np.uint8]:
    field = scipy_field(len(label), generator)
    field += np.indices(label.shape, dtype=np.float32)
    return map_coordinates(label, field, order=0, mode="grid-constant")


def deform(label: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return deform_label(label, sample_gaussian_field(label.shape[2:], A, B, generator, label.device))


def listing_3(marginal: Array) -> Array:
    """The paper's listing 3, up to the threshold's comparison included."""
    psi = np.flip(np.sort(marginal.flatten()))
    dice = 2 * np.cumsum(psi) / (np.sum(marginal) + np.arange(1, len(psi) + 1))
    return marginal >= np.max(dice) / 2


def segment(marginal: torch.Tensor) -> torch.Tensor:
    return marginal >= dice_optimal_threshold(marginal)[0].item()


def in_turns(functions: Sequence[Callable[[], Any]], repetitions: int) -> list[float]:
    """Median milliseconds of each function after one call to warm up."""
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repetitions + 1):
        for function, record in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            record.append(1000 * (time.perf_counter() - start))
    return [round(statistics.median(record[1:]), 2) for record in times]


def compare(ours: Callable[[], Any], theirs: Callable[[], Any], repetitions: int) -> dict[str, float]:
    ours_ms, theirs_ms = in_turns((ours, theirs), repetitions)
    return {"ours_ms": ours_ms, "reference_ms": theirs_ms, "ratio": round(theirs_ms / ours_ms, 1)}


def accuracy(size: int, draws: int) -> dict[str, float]:
    """Standard deviation and covariance along a line of voxels from corner to corner, sampled, relative to a and a²."""
    values = []
    for seed in range(draws):
        field = sample_gaussian_field((size, 2, 2), A, B, torch.Generator().manual_seed(seed)).double() / A
        values.append(field[:, :, 0, 0])
    sample = torch.cat(values).numpy()
    position = (np.arange(size) + 0.5) / size
    law = np.exp(-((position[:, None] - position) ** 2) / (2 * B**2))
    covariance = sample.T @ sample / len(sample)
    return {
        "fields": len(sample),
        "max_std_error": round(float(np.abs(np.sqrt(np.diag(covariance)) - 1).max()), 5),
        "max_covariance_error": round(float(np.abs(covariance - law).max()), 5),
        "standard_error_of_std": round(1 / math.sqrt(2 * len(sample)), 5),
    }


def organ(size: int) -> torch.Tensor:
    """A box that fills 5 % of the image."""
    label = torch.zeros(1, 1, size, size, size, dtype=torch.uint8)
    label[..., size // 4 : size // 2, size // 3 : 2 * size // 3, size // 5 : 4 * size // 5] = 1
    return label


def main(size: int = 128, threshold_size: int = 256, repetitions: int = 7, draws: int = 20_000) -> None:
    label, generator = organ(size), torch.Generator().manual_seed(0)
    array, random = label[0, 0].numpy(), np.random.default_rng(0)
    results: dict[str, Any] = {"threads": torch.get_num_threads(), "size": size, "threshold_size": threshold_size}
    results["field_and_deformation"] = compare(
        lambda: deform(label, generator), lambda: scipy_deform(array, random), repetitions
    )
    results["accuracy"] = accuracy(size, draws)

    maps = {
        "marginal_of_an_organ": gaussian_marginal(organ(threshold_size), A),
        "uniform_random": torch.rand(1, 1, *[threshold_size] * 3, generator=generator),
    }
    for name, marginal in maps.items():
        values = marginal[0, 0].numpy()
        results[f"threshold_{name}"] = compare(partial(segment, marginal), partial(listing_3, values), repetitions)

    prediction: dict[Hashable, Any] = {"pred": gaussian_marginal(label, A)[0]}
    results["postprocessing_ms"] = in_turns([lambda: DiceOptimalThresholdd("pred")(prediction)], repetitions)[0]

    if torch.cuda.is_available():
        on_gpu, on_gpu_map = organ(threshold_size).cuda(), maps["marginal_of_an_organ"].cuda()
        gpu_generator = torch.Generator("cuda").manual_seed(0)
        functions = (lambda: deform(on_gpu, gpu_generator), lambda: segment(on_gpu_map))
        times = in_turns(functions, repetitions)
        results["cuda"] = {
            "device": torch.cuda.get_device_name(),
            **dict(zip(("field_and_deformation_ms", "threshold_ms"), times, strict=True)),
        }
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
