"""Boundary-weighted consistency against plain SciPy, NumPy and MONAI, and its step against one of cross-entropy.

python benchmarks/speed_bwcr.py [--size 192] [--slices 16] [--step_size 96] [--batch 4] [--repetitions 15]
                                [--device cpu] [--amp False]

Prints JSON: medians in milliseconds, measured in turns in one run on one thread, and the medians of their ratios.
Required: the weight map of a slice at least 2 times as fast as one SciPy transform per class and side; ECE and TACE of
a volume together at least as fast as NumPy; ECE at least 3 times as fast as MONAI's metric; a step at most 2.2 times
the plain one, of which the two forwards are about 2.
"""

from __future__ import annotations

import copy
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import fire
import numpy as np
import torch
from monai.metrics import CalibrationErrorMetric
from monai.networks import one_hot
from monai.networks.nets import DynUNet
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from common.losses import CrossEntropyLoss
from common.methods import PrepareViews, ViewInferer, ViewLoss
from common.metrics import ExpectedCalibrationError, ThresholdedAdaptiveCalibrationError
from common.transforms import RandomView, boundary_weight

CLASSES, BINS, THRESHOLD, RADIUS = 4, 15, 0.01, 10.0
Array = NDArray[Any]


def short_axis_slice(size: int, thickness: float = 1.0) -> torch.Tensor:
    """A ventricle, the muscle around it and the other ventricle beside them, as large as in ACDC at 192²."""
    places = torch.arange(size) - size / 2
    from_center = torch.hypot(places[:, None], places)
    beside = torch.hypot(places[:, None] + 0.03 * size, (places + 0.19 * size) * 1.6)
    label = (beside < 0.13 * size * thickness).long()
    label[from_center < 0.15 * size * thickness] = 2
    label[from_center < 0.1 * size * thickness] = 3
    return label


def scipy_weight(label: Array) -> Array:
    """λ(r) by one transform per class and side."""
    distances = []
    for c in range(1, CLASSES):
        inside = label == c
        if inside.any() and not inside.all():
            distances.append(distance_transform_edt(inside) + distance_transform_edt(~inside))
    return np.maximum(RADIUS - np.minimum.reduce(distances), 0) / RADIUS + 0.01


def numpy_expected_error(probabilities: Array, label: Array) -> list[float]:
    errors, edges = [], np.linspace(0, 1, BINS + 1)
    for c in range(CLASSES):
        values, hot = probabilities[:, c].ravel(), (label[:, 0] == c).ravel()
        bin_of = np.clip(np.digitize(values, edges, right=True) - 1, 0, BINS - 1)
        gaps = np.bincount(bin_of, hot, BINS) - np.bincount(bin_of, values, BINS)
        errors.append(np.abs(gaps).sum() / len(values))
    return errors


def numpy_adaptive_error(probabilities: Array, label: Array) -> list[float]:
    errors = []
    for c in range(CLASSES):
        values, hot = probabilities[:, c].ravel(), (label[:, 0] == c).ravel()
        above = values > THRESHOLD
        values, hot = values[above], hot[above]
        parts = np.array_split(np.argsort(values), BINS)
        errors.append(np.mean([abs(hot[part].mean() - values[part].mean(dtype=float)) for part in parts]))
    return errors


def in_turns(functions: dict[str, Callable[[], Any]], repetitions: int, device: str = "cpu") -> dict[str, list[float]]:
    """Milliseconds of each call of each function, after two calls to warm up.

    On the CPU those that this process was given, so that other work on the machine does not count.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions + 2):
        for name, function in functions.items():
            start = now(device)
            function()
            times[name].append(1000 * (now(device) - start))
    return {name: values[2:] for name, values in times.items()}


def now(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def ratio(numerator: list[float], denominator: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(numerator, denominator, strict=True)), 2)


def medians(times: dict[str, list[float]]) -> dict[str, float]:
    return {f"{name}_ms": round(statistics.median(values), 3) for name, values in times.items()}


def weight_map(size: int, repetitions: int) -> dict[str, float]:
    label = short_axis_slice(size)
    array = label.numpy()
    assert np.allclose(boundary_weight(label, RADIUS), scipy_weight(array), atol=1e-6)
    times = in_turns(
        {"boundary_weight": lambda: boundary_weight(label, RADIUS), "scipy": lambda: scipy_weight(array)},
        4 * repetitions,
    )
    return medians(times) | {"ratio": ratio(times["scipy"], times["boundary_weight"])}


def calibration(probabilities: torch.Tensor, label: torch.Tensor, repetitions: int) -> dict[str, float]:
    hot, p, y = one_hot(label, CLASSES), probabilities.numpy(), label.numpy()
    expected, adaptive = ExpectedCalibrationError(BINS), ThresholdedAdaptiveCalibrationError(BINS, THRESHOLD)
    monai = CalibrationErrorMetric(BINS)
    assert np.allclose(expected(probabilities, label), [numpy_expected_error(p, y)], atol=1e-6)
    assert np.allclose(adaptive(probabilities, label), [numpy_adaptive_error(p, y)], atol=1e-4)
    assert np.allclose(expected(probabilities, label), monai(probabilities, hot), atol=1e-3)  # MONAI sums in float32
    times = in_turns(
        {
            "ece": lambda: expected(probabilities, label),
            "ece_of_one_hot": lambda: expected(probabilities, hot),
            "ece_monai": lambda: monai(probabilities, hot),
            "ece_numpy": lambda: numpy_expected_error(p, y),
            "tace": lambda: adaptive(probabilities, label),
            "tace_numpy": lambda: numpy_adaptive_error(p, y),
        },
        repetitions,
    )
    both, both_numpy = (
        [a + b for a, b in zip(times[f"ece{end}"], times[f"tace{end}"], strict=True)] for end in ("", "_numpy")
    )
    return medians(times) | {
        "ratio_to_numpy": ratio(both_numpy, both),
        "ratio_of_ece_to_monai": ratio(times["ece_monai"], times["ece"]),
        "ratio_of_ece_to_monai_on_the_same_one_hot_labels": ratio(times["ece_monai"], times["ece_of_one_hot"]),
    }


def training_step(size: int, batch: int, repetitions: int, device: str, amp: bool) -> dict[str, float]:
    features = [16, 32, 64, 128]
    network = DynUNet(2, 1, CLASSES, [3] * 4, [1, 2, 2, 2], [2] * 3, features).to(device)
    image = torch.rand(batch, 1, size, size, device=device)
    label = short_axis_slice(size).expand(batch, 1, -1, -1)
    weight = boundary_weight(short_axis_slice(size), RADIUS).expand(batch, 1, -1, -1)
    data = {"image": image, "label": label.to(device), "label_weight": weight.to(device)}
    cross_entropy = torch.nn.CrossEntropyLoss()
    prepare = PrepareViews(RandomView()).set_random_state(0)
    view_inferer = ViewInferer()
    view_loss = ViewLoss(CrossEntropyLoss(to_onehot_y=True, softmax=True, reduction="none"))

    def plain(network: torch.nn.Module) -> torch.Tensor:
        return cross_entropy(network(image), data["label"][:, 0])

    def bwcr(network: torch.nn.Module) -> torch.Tensor:
        views, target = prepare(data, device)
        return view_loss(view_inferer(views, network), target)

    def step(loss: Callable[[torch.nn.Module], torch.Tensor]) -> Callable[[], None]:
        own = copy.deepcopy(network)
        optimizer = torch.optim.Adam(own.parameters(), lr=1e-4)
        scaler = torch.amp.GradScaler(device, enabled=amp)

        def train() -> None:
            optimizer.zero_grad()
            with torch.autocast(device, enabled=amp):
                value = loss(own)
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()

        return train

    times = in_turns(
        {
            "cross_entropy": step(plain),
            "two_forwards": step(lambda own: plain(own) + plain(own)),
            "bwcr": step(bwcr),
        },
        repetitions,
        device,
    )
    return medians(times) | {
        "ratio": ratio(times["bwcr"], times["cross_entropy"]),
        "ratio_of_two_forwards": ratio(times["two_forwards"], times["cross_entropy"]),
    }


def main(
    size: int = 192,
    slices: int = 16,
    step_size: int = 96,
    batch: int = 4,
    repetitions: int = 15,
    device: str = "cpu",
    amp: bool = False,
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    label = torch.stack([short_axis_slice(size, s / slices) for s in range(slices, 0, -1)], -1)[None, None]
    noise = torch.randn(1, CLASSES, size, size, slices)
    results = {
        "weight_map": weight_map(size, repetitions),
        "calibration_of_a_segmentation": calibration(
            (10 * one_hot(label, CLASSES) + 2 * noise).softmax(1), label, repetitions
        ),
        "calibration_of_random_values": calibration(
            (3 * noise).softmax(1), torch.randint(CLASSES, label.shape), repetitions
        ),
        "training_step": training_step(step_size, batch, repetitions, device, amp),
    }
    print(
        json.dumps({"size": size, "slices": slices, "repetitions": repetitions, "device": device} | results, indent=2)
    )


if __name__ == "__main__":
    fire.Fire(main)
