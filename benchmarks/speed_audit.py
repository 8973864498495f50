"""Time and memory of the audit against cleanlab on the same arrays, and the memory of volumes.

    python -m benchmarks.speed_audit --cleanlab_python VENV/bin/python [--cases 1000] [--volumes 3]

cleanlab needs an environment of its own (``pip install cleanlab==2.9.0``); without ``--cleanlab_python`` it is left
out. Prints JSON: seconds on the clock and of the processor, and the largest memory in MB, of one process each, with one
thread, the start of Python included:

- ``audit``: every case read from the file of all arrays, its scores, kinds and border noise, then ranking and summary;
- ``cleanlab scores``: ``segmentation.rank.get_label_quality_scores``, softmin, a number for each case;
- ``cleanlab issues``: ``segmentation.filter.find_label_issues``, a mask of pixels.

The volumes have four classes and are written, audited by ``python -m common.audit`` and removed one at a time.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fire
import nibabel as nib
import numpy as np

CLEANLAB = """
import sys
import numpy as np
labels, maps = np.load(sys.argv[1] + "/labels.npy"), np.load(sys.argv[1] + "/maps.npy")
if sys.argv[2] == "scores":
    from cleanlab.segmentation.rank import get_label_quality_scores
    get_label_quality_scores(labels, maps, n_jobs=1, verbose=False)
else:
    from cleanlab.segmentation.filter import find_label_issues
    find_label_issues(labels, maps, n_jobs=1, verbose=False)
"""
OURS = """
import sys
import numpy as np
from common.audit import LoadedCase, case_record, rank_records, summarize
from common.audit.kinds import PICTURE_DIRECTIONS
labels, maps = (np.load(f"{sys.argv[1]}/{name}.npy", mmap_mode="r") for name in ("labels", "maps"))
shapes, starts = (labels.shape, maps.shape), (labels.offset, maps.offset)
del labels, maps
records = []
with open(f"{sys.argv[1]}/labels.npy", "rb") as drawn, open(f"{sys.argv[1]}/maps.npy", "rb") as mapped:
    drawn.seek(starts[0])
    mapped.seek(starts[1])
    for case in range(shapes[0][0]):
        label = np.fromfile(drawn, np.uint8, int(np.prod(shapes[0][1:]))).reshape(shapes[0][1:]).astype(np.int16)
        map_ = np.fromfile(mapped, np.float32, int(np.prod(shapes[1][1:]))).reshape(shapes[1][1:])
        loaded = LoadedCase(label, map_, (1.0, 1.0), np.eye(4), PICTURE_DIRECTIONS, True)
        records.append(case_record(str(case), loaded, 2.0))
summarize(rank_records(records))
"""


def blob(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """The distance inside an ellipsoid of a place and size of its own, in radii."""
    axes = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in shape), indexing="ij", sparse=True)
    radii = random.uniform(0.2, 0.6, len(shape))
    return 1 - np.sqrt(
        sum(
            ((axis - at) / r) ** 2
            for axis, at, r in zip(axes, random.uniform(-0.3, 0.3, len(shape)), radii, strict=True)
        )
    )


def write_arrays(folder: Path, cases: int, size: int) -> None:
    """Labels (N, H, W) uint8 and maps (N, 2, H, W) float32; one label in ten belongs to another case."""
    random = np.random.default_rng(0)
    labels = np.lib.format.open_memmap(folder / "labels.npy", "w+", np.uint8, (cases, size, size))
    maps = np.lib.format.open_memmap(folder / "maps.npy", "w+", np.float32, (cases, 2, size, size))
    for case in range(cases):
        inside = blob((size, size), random)
        other = blob((size, size), random) if case % 10 == 0 else inside
        labels[case] = other + 0.02 * random.standard_normal() > 0
        maps[case, 1] = 1 / (1 + np.exp(-30 * inside))
        maps[case, 0] = 1 - maps[case, 1]
    labels.flush()
    maps.flush()


def apart(function: Callable[..., None], *arguments: Any) -> None:
    """Runs a function in a process of its own: what a process had in memory counts for those that it starts."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{function.__name__}: exit code {process.exitcode}")


def measured(command: list[str]) -> dict[str, float]:
    """Seconds and MB of a process."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]}: exit code {process.returncode}")
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1024),
    }


def volume(folder: Path, side: int, seed: int) -> None:
    """A label and a map of four classes, as nnU-Net writes it."""
    random = np.random.default_rng(seed)
    shape = (side,) * 3
    scores = np.stack([np.full(shape, 0.0, np.float32), *(6 * blob(shape, random) for _ in range(3))])
    label = scores.argmax(0).astype(np.uint8)
    np.exp(scores, out=scores)
    scores /= scores.sum(0)
    for name in ("labels", "maps"):
        (folder / name).mkdir()
    nib.save(nib.Nifti1Image(np.roll(label, 1, axis=0), np.eye(4)), folder / "labels/case.nii.gz")
    np.savez(folder / "maps/case.npz", probabilities=scores.transpose(0, 3, 2, 1))


def main(
    cleanlab_python: str | None = None, cases: int = 1000, size: int = 512, volumes: int = 3, side: int = 256
) -> None:
    """Measures and prints.

    Args:
        cleanlab_python: interpreter that has cleanlab.
        cases: number of images.
        size: of them in pixels.
        volumes: number of volumes.
        side: of them in voxels.
    """
    result: dict[str, Any] = {"cases": cases, "size": size}
    with tempfile.TemporaryDirectory() as name:
        apart(write_arrays, Path(name), cases, size)
        result["audit"] = measured([sys.executable, "-c", OURS, name])
        if cleanlab_python is not None:
            for what in ("scores", "issues"):
                found = result[f"cleanlab {what}"] = measured([str(cleanlab_python), "-c", CLEANLAB, name, what])
                result[f"cleanlab {what} / audit"] = {
                    key: round(found[key] / result["audit"][key], 2) for key in ("cpu_seconds", "peak_mb")
                }
    peaks = []
    for seed in range(volumes):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            apart(volume, folder, side, seed)
            options = [f"--{key}={folder / place}" for key, place in (("labels", "labels"), ("probabilities", "maps"))]
            peaks.append(measured([sys.executable, "-m", "common.audit", *options, f"--output={folder / 'audit'}"]))
            shutil.rmtree(folder / "maps")
    result["volumes"] = {"side": side, "classes": 4, "each": peaks}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    fire.Fire(main)
