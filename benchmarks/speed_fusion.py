"""STAPLE against SimpleITK's on five binary annotators, in two and in three dimensions.

python benchmarks/speed_fusion.py [--repetitions 5]

Prints JSON: medians in milliseconds, measured in turns in one run, their ratio (required: at least 50), and the same of
the processor's time, which other programs disturb less; iterations until both stop by the same rule; the largest
difference of a sensitivity, a specificity (required: below 1e-6) and a probability. Also the time of spatial STAPLE,
which SimpleITK does not have, on the plane. A turn repeats a call until it takes 0.2 s, so that all are disturbed
alike. SimpleITK (not a dependency) has one thread for this; OMP_NUM_THREADS=1 gives ours one too.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import fire
import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from common.fusion import spatial_staple, staple

SHAPES = ((512, 512), (128, 128, 128))
SENSITIVITY = (0.95, 0.9, 0.85, 0.7, 0.6)
SPECIFICITY = (0.99, 0.95, 0.9, 0.97, 0.8)
TURN_SECONDS = 0.2


def annotators(shape: Sequence[int]) -> NDArray[np.uint8]:
    """A disc or ball as five annotators label it, each voxel on its own: all 32 patterns occur."""
    generator = np.random.default_rng(0)
    axes = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    truth = sum(axis**2 for axis in axes) < 0.3
    return np.stack(
        [
            np.where(truth, generator.random(shape) < sensitivity, generator.random(shape) > specificity)
            for sensitivity, specificity in zip(SENSITIVITY, SPECIFICITY, strict=True)
        ]
    ).astype(np.uint8)


def in_turns(functions: Sequence[Callable[[], Any]], repetitions: int) -> list[tuple[float, ...]]:
    """Median milliseconds of a call of each function, on the clock and of the processor, after a turn to warm up."""
    times: list[list[tuple[float, float]]] = [[] for _ in functions]
    for _ in range(repetitions + 1):
        for function, record in zip(functions, times, strict=True):
            calls, clock, processor = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() < clock + TURN_SECONDS:
                function()
                calls += 1
            elapsed = time.perf_counter() - clock, time.process_time() - processor
            record.append((1000 * elapsed[0] / calls, 1000 * elapsed[1] / calls))
    return [tuple(round(statistics.median(kind), 2) for kind in zip(*record[1:], strict=True)) for record in times]


def compare(shape: Sequence[int], repetitions: int) -> dict[str, Any]:
    labels = annotators(shape)
    tensor, images = torch.from_numpy(labels), [sitk.GetImageFromArray(label) for label in labels]
    itk = sitk.STAPLEImageFilter()
    itk.SetForegroundValue(1)

    (ours_ms, ours_cpu_ms), (theirs_ms, theirs_cpu_ms) = in_turns(
        (lambda: staple(tensor), lambda: itk.Execute(images)), repetitions
    )
    ours, theirs = staple(tensor), sitk.GetArrayFromImage(itk.Execute(images))
    return {
        "ours_ms": ours_ms,
        "simpleitk_ms": theirs_ms,
        "ratio": round(theirs_ms / ours_ms, 1),
        "ours_cpu_ms": ours_cpu_ms,
        "simpleitk_cpu_ms": theirs_cpu_ms,
        "ratio_cpu": round(theirs_cpu_ms / ours_cpu_ms, 1),
        "iterations": ours.iterations,
        "simpleitk_iterations": itk.GetElapsedIterations() + 1,  # it counts from 0
        "converged": ours.converged,
        "max_sensitivity_difference": float(np.abs(ours.confusion[:, 1, 1].numpy() - itk.GetSensitivity()).max()),
        "max_specificity_difference": float(np.abs(ours.confusion[:, 0, 0].numpy() - itk.GetSpecificity()).max()),
        "max_probability_difference": float(np.abs(ours.probabilities[1].numpy() - theirs).max()),
    }


def main(repetitions: int = 5) -> None:
    results: dict[str, Any] = {"threads": torch.get_num_threads(), "simpleitk": sitk.Version.VersionString()}
    for shape in SHAPES:
        results["x".join(map(str, shape))] = compare(shape, repetitions)
    plane = torch.from_numpy(annotators(SHAPES[0]))
    results["spatial_staple_512x512_ms"], results["spatial_staple_512x512_cpu_ms"] = in_turns(
        [lambda: spatial_staple(plane)], 1
    )[0]
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
