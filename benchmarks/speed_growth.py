"""How time and memory grow: from the command to the first step with more cases, of a step with more classes or
annotators, of inference with larger volumes.

    python -m benchmarks.speed_growth [--only "['cases','classes','annotators','sizes']"] [--runs 3]
                                      [--output docs/results/speed_growth.json] [--document docs/performance.md]

Every measurement is a process of its own with one thread; medians of the runs, which take turns. What is not measured
anew keeps its place in the JSON file and the tables. Memory is the largest resident set over that after the imports.

- cases: pictures of 32 × 32 pixels, ``--cache disk``: seconds from the start of Python to the end of the first step
  when the cache is filled, over those of importing PyTorch and MONAI alone; what listing a case takes; memory after an
  epoch of 200 steps. Of t_loss, since all bundles read data alike.
- classes, annotators: CPU milliseconds of a training step on pictures of 64 × 64 pixels, four at a time.
- sizes: `inferring` of cubes with voxels of 1 mm, as in benchmarks/speed_inference.py.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fire
import numpy as np
from PIL import Image

from benchmarks.inference_volume import resident_mb
from benchmarks.report.tables import insert_between_markers
from benchmarks.speed_inference import REPOSITORY, write_volume
from common.io.files import whole_file
from common.report.tables import markdown_table

BUNDLES = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/train.yaml"))
GROWTH = {
    "cases": [100, 1000, 10_000, 50_000],
    "classes": [2, 4, 8, 16, 32],
    "annotators": [2, 4, 8, 16],
    "sizes": [32, 64, 128, 256],
}
IMPORTS = "import json, time, monai.bundle, torch; print(json.dumps({'imported_at': time.time()}))"
STEPS, NOT_TIMED = 14, 4  # of a timed training
LONG_EPOCH = 200  # steps after which memory is looked at


def write_pictures(
    folder: Path, count: int, size: int, classes: int = 2, annotators: int = 0, of: Sequence[str] = ("images", "labels")
) -> Path:
    """Pictures in noise, striped into ``classes`` gray values, with their labels or those of several annotators."""
    rng = np.random.default_rng(0)
    names = [of[0], *([f"annotator_{number:02d}" for number in range(annotators)] or [of[1]])]
    for name in names:
        (folder / name).mkdir(parents=True)
    for case in range(count):
        start = int(rng.integers(size))
        label = np.roll(np.repeat(np.arange(size)[None] * classes // size, size, 0), start, 1).astype(np.uint8)
        image = 200.0 * label / max(classes - 1, 1) + rng.normal(20, 8, label.shape)
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(folder / names[0] / f"case_{case:05d}.png")
        for name in names[1:]:
            Image.fromarray(label).save(folder / name / f"case_{case:05d}.png")
    return folder


def train(bundle: str, overrides: Mapping[str, Any], steps: int) -> dict[str, float]:
    """One epoch of a training in this process: its first step's time, processor's time of a later one, megabytes."""
    from ignite.engine import Events
    from monai.bundle import ConfigWorkflow

    start_mb, root = resident_mb(), REPOSITORY / "bundles" / bundle
    times: list[float] = []
    used: list[float] = []  # of the processor, so that other work does not count
    values: dict[str, Any] = {
        "max_epochs": 1,
        "val_interval": 10**6,
        "device": "cpu",
        "train#trainer#epoch_length": steps,
        **overrides,
    }
    workflow = ConfigWorkflow(
        config_file=str(root / "configs/train.yaml"),
        workflow_type="train",
        logging_file=False,
        bundle_root=str(root),
        **values,
    )
    workflow.initialize()
    trainer: Any = workflow.trainer
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda _: times.append(time.time()))
    trainer.add_event_handler(Events.ITERATION_COMPLETED, lambda _: used.append(time.process_time()))
    workflow.run()
    later = [b - a for a, b in zip(used[NOT_TIMED - 1 :], used[NOT_TIMED:], strict=False)]
    return {
        "first_step_at": times[0],
        "step_ms": 1e3 * statistics.median(later or [float("nan")]),
        "over_start_mb": resident_mb() - start_mb,
    }


def listing(folder: Path) -> dict[str, float]:
    """Seconds of listing a data set in this process."""
    from common.datasets import read_dataset

    start = time.perf_counter()
    count = len(read_dataset(folder).items)
    return {"listing_ms": 1e3 * (time.perf_counter() - start) / count}


def in_process(code: str) -> dict[str, float]:
    """What a process of its own prints as JSON in its last line, and when it was started."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}
    started = time.time()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    found = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
    return {**found, "started": started}


def measured(function: str, *arguments: Any) -> dict[str, float]:
    """A function of this module in a process of its own."""
    code = f"import json; from pathlib import *; from benchmarks.speed_growth import {function}; "
    return in_process(f"{code}print(json.dumps({function}(*{arguments!r})))")


def median_of(values: Sequence[float]) -> float:
    """The median, to four digits."""
    return float(f"{statistics.median(values):.4g}")


def grow_cases(counts: Sequence[int], runs: int, folder: Path) -> dict[str, Any]:
    """By number of cases: see the module."""
    found: dict[str, Any] = {}
    imports: list[float] = []
    for count in counts:
        data = write_pictures(folder / f"cases_{count}", count, 32)
        places = {"dataset_dir": str(data), "output_dir": str(data) + "_run", "ckpt_dir": str(data) + "_run"}
        values = {"cache": "disk", "overwrite": True} | places
        first = measured("train", "t_loss", values, LONG_EPOCH)
        again, alone = [], []
        for _ in range(runs):  # in turns
            imported = in_process(IMPORTS)
            alone.append(imported["imported_at"] - imported["started"])
            again.append(measured("train", "t_loss", values, 1))
        imports += alone
        found[str(count)] = {
            "first_step_seconds": median_of([run["first_step_at"] - run["started"] for run in again]),
            "over_imports": median_of(
                [(run["first_step_at"] - run["started"]) / bare for run, bare in zip(again, alone, strict=True)]
            ),
            "empty_cache_seconds": median_of([first["first_step_at"] - first["started"]]),
            "listing_ms": median_of([measured("listing", data)["listing_ms"] for _ in range(runs)]),
            "over_start_mb": median_of([first["over_start_mb"]]),
        }
        print("cases", count, found[str(count)], flush=True)
    return {"imports_seconds": median_of(imports), "by": found}


def grow_steps(axis: str, bundles: Sequence[str], counts: Sequence[int], runs: int, folder: Path) -> dict[str, Any]:
    """Milliseconds of a step by number of classes or of annotators."""
    sets = {}
    for count in counts:
        several = count if axis == "annotators" else 0
        sets[count] = write_pictures(folder / f"{axis}_{count}", 16, 64, 2 if several else count, several)
        if axis == "classes":
            of = folder / f"{axis}_{count}_annotated"
            sets[-count] = write_pictures(of, 16, 64, count, 3)
    times: dict[str, dict[int, list[float]]] = {bundle: {count: [] for count in counts} for bundle in bundles}
    for _ in range(runs):
        for bundle in bundles:
            for count in counts:
                annotated = axis == "classes" and bundle == "disentangling_annotators"
                run = folder / "run"
                values = {"dataset_dir": str(sets[-count if annotated else count]), "overwrite": True, "batch_size": 4}
                values |= {"output_dir": str(run), "ckpt_dir": str(run), "fractions": [0.5, 0.25, 0.25]}
                found = measured("train", bundle, values, STEPS)
                times[bundle][count].append(found["step_ms"])
                print(axis, bundle, count, found["step_ms"], flush=True)
    by = {bundle: {str(count): median_of(ms) for count, ms in of.items()} for bundle, of in times.items()}
    return {"by": by}


def grow_sizes(sizes: Sequence[int], runs: int, folder: Path) -> dict[str, Any]:
    """CPU seconds and megabytes of inference by side of the volume."""
    found: dict[str, Any] = {bundle: {} for bundle in BUNDLES}
    for size in sizes:
        for bundle in BUNDLES:
            results = []
            for run in range(runs):
                volume = folder / f"{bundle}_{size}_{run}/volume.nii.gz"
                volume.parent.mkdir()
                write_volume(volume, (size, size, size))
                code = "import json; from benchmarks.inference_volume import measure; "
                results.append(in_process(f"{code}print(json.dumps(measure({bundle!r}, {str(volume)!r}, 'cpu', 1)))"))
            found[bundle][str(size)] = {
                "cpu_seconds": median_of([result["cpu_seconds"] for result in results]),
                "over_start_mb": median_of([result["peak_mb"] - result["start_mb"] for result in results]),
            }
            print("sizes", bundle, size, found[bundle][str(size)], flush=True)
    return {"by": found}


def tables(results: Mapping[str, Any]) -> str:
    """Markdown tables of what was measured."""
    parts = []
    if "cases" in results:
        rows = [
            [f"{int(count):,}", *(f"{row[key]:.3g}" for key in CASE_COLUMNS.values())]
            for count, row in results["cases"]["by"].items()
        ]
        parts.append(markdown_table(["cases", *CASE_COLUMNS], rows))
        parts.append(f"Importing PyTorch and MONAI alone takes {results['cases']['imports_seconds']:.3g} s there.")
    for axis in ("classes", "annotators"):
        if axis in results:
            by = results[axis]["by"]
            counts = list(next(iter(by.values())))
            rows = [[bundle, *(f"{ms[count]:.3g}" for count in counts)] for bundle, ms in by.items()]
            parts.append(markdown_table([f"CPU ms of a step, {axis}", *counts], rows))
    if "sizes" in results:
        by = results["sizes"]["by"]
        sizes = list(next(iter(by.values())))
        rows = [
            [bundle, *(f"{of[size]['cpu_seconds']:.3g}, {of[size]['over_start_mb']:.0f}" for size in sizes)]
            for bundle, of in by.items()
        ]
        parts.append(markdown_table(["CPU s, MB over start", *(f"{size}³" for size in sizes)], rows))
    return "\n\n".join(parts)


CASE_COLUMNS = {
    "s to first step": "first_step_seconds",
    "over imports": "over_imports",
    "s with an empty cache": "empty_cache_seconds",
    "ms to list a case": "listing_ms",
    "MB over start": "over_start_mb",
}


def main(
    only: Sequence[str] = tuple(GROWTH),
    runs: int = 3,
    growth: Mapping[str, Sequence[int]] | None = None,
    output: str = "docs/results/speed_growth.json",
    document: str = "docs/performance.md",
) -> None:
    """Measures, writes JSON and puts its tables into the document."""
    chosen, path = GROWTH | dict(growth or {}), REPOSITORY / output
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    ways: dict[str, Callable[[Path], dict[str, Any]]] = {
        "cases": lambda folder: grow_cases(chosen["cases"], runs, folder),
        "classes": lambda folder: grow_steps("classes", BUNDLES, chosen["classes"], runs, folder),
        "annotators": lambda folder: grow_steps(
            "annotators", ["disentangling_annotators", "soft_label_apl"], chosen["annotators"], runs, folder
        ),
        "sizes": lambda folder: grow_sizes(chosen["sizes"], runs, folder),
    }
    command = ["git", "-C", str(REPOSITORY), "rev-parse", "HEAD"]
    commit = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or None
    for axis in only:
        with tempfile.TemporaryDirectory() as folder:
            results[axis] = {"runs": runs, "commit": commit} | ways[axis](Path(folder))
        with whole_file(path) as partial:
            partial.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    insert_between_markers(REPOSITORY / document, "speed_growth", tables(results))


if __name__ == "__main__":
    fire.Fire(main)
