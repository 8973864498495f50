"""Time and memory of inference on one volume, side by side with another checkout, for each bundle.

python -m benchmarks.speed_inference --base ../base [--shape 256,256,160] [--runs 5] [--bundles "['t_loss','bwcr']"]
                                     [--output docs/results/speed_inference.json] [--document docs/performance.md]

``base`` is a checkout of the version to compare with (``git worktree add ../base 917b7cd``). Runs alternate between the
two, and the present one in bfloat16 (``--amp true``), each in a process of its own by the `measure` of its checkout's
benchmarks/inference_volume.py: weights that are not trained, all that ``inferring`` writes by default, at the
resolution and with the network of the base (`AS_BASE`), whose windows overlap as its own configuration says. CPU
seconds are those that the process was given on one thread, memory is the largest resident set over that after the
imports. Medians and the spread (largest minus smallest). Of the ratio, the median of the runs' ratios. Writes JSON and
puts its table into the document; bundles that are not measured anew keep their place.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import fire

from benchmarks.report.tables import insert_between_markers
from common.io.files import whole_file
from common.report.tables import markdown_table

REPOSITORY = Path(__file__).resolve().parents[1]
AS_BASE: dict[str, dict[str, Any]] = {  # of the plan, as 917b7cd had it
    "bwcr": {"features": [16, 32, 64]},
    "marginal_thresholding": {"spacing": [3.0, 3.0, 3.0], "features": [8, 16, 32]},
}


def measure(checkout: Path, bundle: str, volume: Path, **options: Any) -> dict[str, float]:
    """CPU seconds and megabytes of one run of a checkout; ``options`` of its ``inferring``."""
    with tempfile.TemporaryDirectory(dir=volume.parent) as folder:
        place = Path(folder, volume.name)
        place.hardlink_to(volume)
        script = checkout / "benchmarks/inference_volume.py"
        command = [sys.executable, str(script), "--measured", bundle, str(place), "cpu", "1"]
        if checkout == REPOSITORY:
            command += [json.dumps(AS_BASE.get(bundle, {})), json.dumps(options)]
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(checkout)}
        done = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return {"cpu_seconds": found["cpu_seconds"], "peak_over_start_mb": found["peak_mb"] - found["start_mb"]}


def write_volume(path: Path, shape: tuple[int, ...]) -> None:
    """A bright ball in noise, 16-bit integers, voxels of 1 mm."""
    import nibabel as nib
    import numpy as np

    places = np.meshgrid(*(np.linspace(-1, 1, side, dtype=np.float32) for side in shape), indexing="ij", sparse=True)
    ball = 1000 * (sum(place**2 for place in places) < 0.5)
    noise = np.random.default_rng(0).normal(0, 100, shape)
    nib.save(nib.Nifti1Image((ball + noise).astype(np.int16), np.eye(4)), path)


def main(
    base: str,
    shape: tuple[int, ...] = (256, 256, 160),
    runs: int = 5,
    bundles: list[str] | None = None,
    output: str = "docs/results/speed_inference.json",
    document: str = "docs/performance.md",
) -> None:
    checkouts = {"base": Path(base).resolve(), "here": REPOSITORY}
    names = bundles or sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/inference.yaml"))
    results: dict[str, dict[str, list[dict[str, float]]]] = {
        name: {"base": [], "here": [], "bfloat16": []} for name in names
    }
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder, "volume.nii.gz")
        write_volume(volume, tuple(shape))
        for number in range(runs):
            for name in names:
                for key, checkout in checkouts.items():
                    results[name][key].append(measure(checkout, name, volume))
                results[name]["bfloat16"].append(measure(REPOSITORY, name, volume, amp=True))
                print(number + 1, name, *(runs[-1] for runs in results[name].values()), flush=True)
    commits = {key: _commit(checkout) for key, checkout in checkouts.items()}
    if (REPOSITORY / output).is_file():
        known = json.loads((REPOSITORY / output).read_text(encoding="utf-8"))
        results = dict(sorted(((known["bundles"] if known["shape"] == list(shape) else {}) | results).items()))
    record: dict[str, Any] = {"shape": list(shape), "commits": commits, "bundles": results}
    with whole_file(REPOSITORY / output) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n")
    volume_mb = 4e-6 * math.prod(shape)
    columns = ["bundle", "CPU s before", "CPU s now", "ratio", "CPU s in bfloat16", "ratio"]
    columns += ["MB over start before", "MB over start now"]
    rows = [[name, *_cells(found)] for name, found in results.items()]
    counts = " to ".join(str(count) for count in sorted({len(found["base"]) for found in results.values()}))
    note = (
        f"{' × '.join(map(str, shape))} voxels of 1 mm ({volume_mb:.0f} MB in float32), one thread, {counts} "
        f"interleaved run{'s' * (counts != '1')}: median (spread). Before: {commits['base'][:7]}."
    )
    insert_between_markers(REPOSITORY / document, "speed_inference", f"{markdown_table(columns, rows)}\n\n{note}")


def _cells(found: dict[str, list[dict[str, float]]]) -> list[str]:
    def cell(key: str, of: str) -> str:
        values = [run[of] for run in found[key]]
        return f"{statistics.median(values):.4g} ({max(values) - min(values):.3g})"

    def ratio(key: str) -> str:
        pairs = zip(found["base"], found[key], strict=True)
        return f"{statistics.median(now['cpu_seconds'] / before['cpu_seconds'] for before, now in pairs):.2f}"

    cells = [cell("base", "cpu_seconds")]
    cells += [text for key in ("here", "bfloat16") for text in (cell(key, "cpu_seconds"), ratio(key))]
    return [*cells, *(cell(key, "peak_over_start_mb") for key in ("base", "here"))]


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


if __name__ == "__main__":
    fire.Fire(main)
