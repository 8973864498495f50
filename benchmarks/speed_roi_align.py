"""RoIAlign against the same definition in loops over boxes and cells.

python benchmarks/speed_roi_align.py [--boxes 64] [--channels 32] [--size 32] [--repetitions 7] [--device cpu]

Prints JSON: medians in milliseconds, measured in turns on one thread, and the ratio (required: at least 20). The loops
interpolate all channels of a point at once; a loop over channels too would be slower still.
"""

from __future__ import annotations

import json
import math
import statistics
import time
from collections.abc import Callable

import fire
import torch

from common.networks import roi_align


def loops(features: torch.Tensor, boxes: torch.Tensor, output_size: int, scale: float, ratio: int) -> torch.Tensor:
    """The definition for one image ``(C, H, W)``, point by point."""
    height, width = features.shape[1:]
    out = features.new_zeros(len(boxes), len(features), output_size, output_size)
    for n, (top, left, bottom, right) in enumerate((boxes * scale - 0.5).tolist()):
        for u in range(output_size):
            for v in range(output_size):
                for i in range(ratio):
                    for j in range(ratio):
                        y = top + (u + (i + 0.5) / ratio) * (bottom - top) / output_size
                        x = left + (v + (j + 0.5) / ratio) * (right - left) / output_size
                        if not (-1 <= y <= height and -1 <= x <= width):
                            continue
                        y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
                        y0, x0 = math.floor(y), math.floor(x)
                        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
                        upper = (1 - x + x0) * features[:, y0, x0] + (x - x0) * features[:, y0, x1]
                        lower = (1 - x + x0) * features[:, y1, x0] + (x - x0) * features[:, y1, x1]
                        out[n, :, u, v] += ((1 - y + y0) * upper + (y - y0) * lower) / ratio**2
    return out


def milliseconds(work: Callable[[], object], device: str) -> float:
    start = time.perf_counter()
    work()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start)


def main(boxes: int = 64, channels: int = 32, size: int = 32, repetitions: int = 7, device: str = "cpu") -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    scale, output_size, ratio = 0.25, 7, 2
    features = torch.randn(channels, size, size, dtype=torch.float64, device=device)
    corners = (torch.rand(boxes, 2, 2, dtype=torch.float64, device=device).sort(1).values * size / scale).flatten(1)
    single = features.float()

    def fast() -> torch.Tensor:
        return roi_align(single[None], [corners], (output_size, output_size), scale, ratio)

    error = (fast().double() - loops(features, corners, output_size, scale, ratio)).abs().max().item()
    times: dict[str, list[float]] = {"roi_align": [], "loops": []}
    for _ in range(repetitions):
        times["roi_align"].append(milliseconds(fast, device))
        times["loops"].append(milliseconds(lambda: loops(features.float(), corners, output_size, scale, ratio), device))
    medians = {f"{name}_ms": round(statistics.median(values), 3) for name, values in times.items()}
    ratio_of_times = statistics.median(a / b for a, b in zip(times["loops"], times["roi_align"], strict=True))
    sizes = {"boxes": boxes, "channels": channels, "size": size, "device": device}
    print(json.dumps(sizes | medians | {"ratio": round(ratio_of_times, 1), "largest_error": error}, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
