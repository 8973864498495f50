"""Peak memory and time of inference on one large volume, for each bundle in a process of its own.

python -m benchmarks.inference_volume [--shape 256,256,160] [--spacing_mm 1] [--device cpu] [--threads 1]
                                      [--output docs/results/inference_volume.json] [--document docs/acceptance.md]

Each bundle runs `inferring` as its inference.yaml says, with weights that are not trained, on the same volume, and
writes all that it writes by default. Memory is the process's largest resident set, as Linux counts it; of it, ``start``
is there after the imports. CPU seconds are those that the process was given, so that other work on the machine does
not count; on a GPU its memory and the seconds of the wall count. ``network`` is the network's part of these seconds,
and ``passes`` the voxels that it saw over those of the image as it was prepared: 1 where no windows overlap. Writes
JSON and puts its table between the document's markers of the same name.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fire

REPOSITORY = Path(__file__).resolve().parents[1]


def measure(
    bundle: str,
    volume: str,
    device: str,
    threads: int,
    entries: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Inference of one bundle in this process; ``entries`` replace those of the plan of an untrained network."""
    import torch
    from monai.bundle import ConfigParser, ConfigWorkflow

    from common import datasets, io, networks, transforms, workflow

    for room in (datasets, io, networks, transforms, workflow):
        for name in room.__all__:
            getattr(room, name)  # their memory belongs to the start

    torch.set_num_threads(threads)
    folder, configs = Path(volume).parent / bundle, REPOSITORY / "bundles" / bundle / "configs"
    folder.mkdir()
    parser = ConfigParser()
    parser.read_config(configs / "inference.yaml")
    for entry, value in (entries or {}).items():
        parser[f"plan#untrained#{entry}"] = value
    torch.manual_seed(0)
    torch.save(parser.get_parsed_content("network_def").state_dict(), folder / "model.pt")
    (folder / "plan.json").write_text(parser.get_parsed_content("plan").to_json(), encoding="utf-8")
    start = resident_mb()
    cpu, wall = time.process_time(), time.perf_counter()
    inference = ConfigWorkflow(
        config_file=str(configs / "inference.yaml"),
        workflow_type="infer",
        run_id="inferring",
        logging_file=False,
        bundle_root=str(configs.parent),
        dataset_dir=volume,
        ckpt_dir=str(folder),
        output_dir=str(folder / "output"),
        device=torch.device(device),
        **(options or {}),
    )
    inference.initialize()
    evaluator = inference.parser.get_parsed_content("evaluator")
    seen = watch(evaluator.network, evaluator.inferer)
    inference.run()
    result = {
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "network_seconds": round(seen["seconds"], 2),
        "passes": round(seen["voxels"] / seen["prepared"], 2),
        "start_mb": round(start),
        "peak_mb": round(resident_mb()),
    }
    if device.startswith("cuda"):
        result["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    return result


def watch(network: Any, inferer: Any) -> dict[str, float]:
    """Counts from now on the network's CPU seconds, the voxels that it sees, and those that `SlabInferer` prepares."""
    seen = {"seconds": 0.0, "voxels": 0, "prepared": 0}
    name = getattr(inferer.inferer, "call", None) or "forward"
    call, predict = getattr(network, name), inferer._predict

    def timed(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        start = time.process_time()
        found = call(inputs, *args, **kwargs)
        seen["seconds"] += time.process_time() - start
        seen["voxels"] += inputs[:, 0].numel()
        return found

    def counted(values: Any, infer: Any) -> Any:
        seen["prepared"] += values[0].numel()
        return predict(values, infer)

    setattr(network, name, timed)
    inferer._predict = counted
    return seen


def resident_mb() -> float:
    """The largest resident set so far in megabytes (getrusage would include that of the process that started us)."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM")
    )
    return int(line.split()[1]) * 1.024e-3


def main(
    shape: tuple[int, ...] = (256, 256, 160),
    spacing_mm: float = 1.0,
    device: str = "cpu",
    threads: int = 1,
    output: str = "docs/results/inference_volume.json",
    document: str = "docs/acceptance.md",
) -> None:
    import nibabel as nib
    import numpy as np

    from benchmarks.report.tables import insert_between_markers
    from common.io.files import whole_file
    from common.report.tables import markdown_table

    bundles = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/inference.yaml"))
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        places = np.meshgrid(*(np.linspace(-1, 1, extent, dtype=np.float32) for extent in shape), indexing="ij")
        ball = 1000 * (sum(place**2 for place in places) < 0.5)
        noise = np.random.default_rng(0).normal(0, 100, shape)
        volume = Path(folder, "volume.nii.gz")
        nib.save(nib.Nifti1Image((ball + noise).astype(np.int16), np.diag([spacing_mm] * 3 + [1.0])), volume)
        for bundle in bundles:
            command = [sys.executable, __file__, "--measured", bundle, str(volume), device, str(threads)]
            environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(REPOSITORY)}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
            results[bundle] = json.loads(done.stdout.splitlines()[-1])
            print(bundle, results[bundle], flush=True)
    record = {"shape": list(shape), "spacing_mm": spacing_mm, "device": device, "threads": threads, "bundles": results}
    git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    with whole_file(REPOSITORY / output) as partial:
        partial.write_text(json.dumps(record | {"commit": git.stdout.strip() or None}, indent=1) + "\n")
    columns = {
        "CPU seconds": "cpu_seconds",
        "of it network": "network_seconds",
        "passes": "passes",
        "peak MB": "peak_mb",
        "of it start": "start_mb",
    }
    if device != "cpu":
        columns = {"seconds": "wall_seconds", "GPU peak MB": "gpu_peak_mb", **columns}
    rows = [[bundle, *(row[key] for key in columns.values())] for bundle, row in results.items()]
    size = " × ".join(map(str, shape))
    note = f"{size} voxels of {spacing_mm} mm, {device}, {threads} thread{'s' * (threads > 1)}."
    table = markdown_table(["bundle", *columns], rows)
    insert_between_markers(REPOSITORY / document, Path(output).stem, f"{table}\n\n{note}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measured"]:
        of_bundle, file, on, with_threads, *plan = sys.argv[2:]
        print(json.dumps(measure(of_bundle, file, on, int(with_threads), *map(json.loads, plan))))
    else:
        fire.Fire(main)
