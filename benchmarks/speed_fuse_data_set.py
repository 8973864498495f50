"""The fusion of whole data sets against a loop over SimpleITK's STAPLE, on three annotators.

python benchmarks/speed_fuse_data_set.py [--images 100] [--volumes_128 5] [--volumes_256 2]

Prints JSON, for images of 512² and volumes of 128³ and 256³, in seconds of all cases, measured in turns, case by case
in one run, on the clock and of the processor (which other programs disturb less):

- ``estimate``: labels in memory to consensus in memory (ours counts patterns, estimates and looks up; SimpleITK's
  filter and a threshold at 1/2), with the share of voxels on which the two consensuses differ;
- ``files``: label files to a consensus file, one case after the other in one process. Ours writes the record for the
  table of annotators too (volumes, shifts of borders, patterns), which SimpleITK's loop does not have; ``table_s`` is
  what the table and the page then take, once.

The process's largest memory is that after ours and SimpleITK's. Both have one thread.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from common.consensus.one_case import fuse_case
from common.consensus.page import write_tables
from common.consensus.run import Outcome
from common.consensus.settings import make_settings
from common.consensus.sources import dataset_cases
from common.fusion import distinct_patterns, fuse_patterns

WHO = ("AR", "HS", "SG")
THRESHOLDS = (0.30, 0.36, 0.22)  # the second draws too much, the third too little


def annotators(shape: Sequence[int], seed: int) -> np.ndarray:
    """A blob as three annotators draw it, each with a border of their own."""
    generator = np.random.default_rng(seed)

    def waves(size: float) -> np.ndarray:
        coarse = generator.normal(size=[max(4, round(side / size)) for side in shape])
        return ndimage.zoom(coarse, [a / b for a, b in zip(shape, coarse.shape, strict=True)], order=1)[
            tuple(map(slice, shape))
        ]

    axes = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in shape), indexing="ij", sparse=True)
    blob = sum(axis**2 for axis in axes) + 0.15 * waves(shape[0] / 8)
    return np.stack([blob + 0.05 * waves(shape[0] / 24) < one for one in THRESHOLDS]).astype(np.uint8)


def ours_in_memory(labels: np.ndarray) -> np.ndarray:
    patterns, index, counts = distinct_patterns(torch.from_numpy(labels).flatten(1), 2)
    fused = fuse_patterns(patterns, counts, 2, "staple")
    return fused.labels.to(torch.uint8).index_select(0, index.int()).view(labels.shape[1:]).numpy()


def theirs_in_memory(images: list[sitk.Image]) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.STAPLE(images, 1.0)) > 0.5


def theirs_on_files(paths: Sequence[str], output: Path) -> None:
    probability = sitk.STAPLE([sitk.ReadImage(path) for path in paths], 1.0)
    sitk.WriteImage(sitk.Cast(probability > 0.5, sitk.sitkUInt8), str(output), True)


class Clock:
    """Seconds of calls, on the clock and of the processor."""

    def __init__(self) -> None:
        self.clock = self.processor = 0.0

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        clock, processor = time.perf_counter(), time.process_time()
        result = function(*arguments)
        self.clock += time.perf_counter() - clock
        self.processor += time.process_time() - processor
        return result


def ratio(ours: Clock, theirs: Clock) -> dict[str, float]:
    return {
        "ours_s": round(ours.clock, 3),
        "simpleitk_s": round(theirs.clock, 3),
        "ratio": round(theirs.clock / ours.clock, 1),
        "ratio_cpu": round(theirs.processor / ours.processor, 1),
    }


def compare(shape: Sequence[int], cases: int, folder: Path) -> dict[str, Any]:
    suffix = ".png" if len(shape) == 2 else ".nii.gz"
    ours, theirs, differing = Clock(), Clock(), 0
    for case in range(cases):
        labels = annotators(shape, case)
        images = [sitk.GetImageFromArray(label) for label in labels]
        if not case:
            ours_in_memory(labels)  # to warm up
        found, expected = ours(ours_in_memory, labels), theirs(theirs_in_memory, images)
        differing += int((found != expected).sum())
        for name, image in zip(WHO, images, strict=True):
            path = folder / "data" / name / f"{case:04}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(image, str(path), True)
        (folder / "data" / "images").mkdir(exist_ok=True)
        (folder / "data" / "images" / path.name).symlink_to(path)
    result: dict[str, Any] = {"cases": cases, "estimate": ratio(ours, theirs)}
    result["estimate"]["differing_voxels"] = differing / (cases * np.prod(shape))

    sources = dataset_cases(folder / "data")
    began = time.perf_counter()
    settings, _ = make_settings(sources, folder / "out", "staple")
    observed = time.perf_counter() - began
    ours, theirs, records = Clock(), Clock(), []
    for source in sources.cases:
        records.append(ours(fuse_case, source, settings))
        theirs(theirs_on_files, list(source.labels.values()), folder / f"theirs{suffix}")
    began = time.perf_counter()
    write_tables(Outcome(tuple(records), {}, 0), sources.cases, settings)
    table = time.perf_counter() - began
    result["files"] = {**ratio(ours, theirs), "observe_values_s": round(observed, 3), "table_s": round(table, 3)}
    return result


def main(images: int = 100, volumes_128: int = 5, volumes_256: int = 2) -> None:
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    results: dict[str, Any] = {"simpleitk": sitk.Version.VersionString()}
    for shape, cases in (((512,) * 2, images), ((128,) * 3, volumes_128), ((256,) * 3, volumes_256)):
        if cases:
            with tempfile.TemporaryDirectory() as folder:
                results["x".join(map(str, shape))] = compare(shape, cases, Path(folder))
    results["largest_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(results, indent=2))


if __name__ == "__main__":
    fire.Fire(main)
