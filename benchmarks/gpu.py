"""Everything that needs CUDA, in one command of at most nine minutes; each step is written as it ends.

python benchmarks/gpu.py [--device cuda] [--only bwcr,t_loss,nccl,study] [--seconds 530] [--scale paper]
                         [--data FOLDER] [--output docs/results/gpu.json]

`make gpu` is the same command. Of each bundle, at the sizes of its paper and on a generated phantom:

    train, amp  50 steps in float32 and in mixed precision: seconds of a step, also of a bare loop (same network, loss,
                optimizer and batches, which lie in the device's memory; no engine), samples per second, peak memory
    agree       the first losses in float32, TF32 off, are those of the CPU with the same seed: the first to 1e-4,
                the three after it to 2e-2 of their size
    resume      a training that stopped after an epoch and was resumed has the weights of the uninterrupted one, bit for
                bit, with deterministic algorithms; operations that have none are named
    infer       `inferring` of a volume of 512 × 512 × 300 voxels: seconds, peak memory of the device and of the process
    export      TorchScript, and ONNX if its packages are there; their outputs are the network's

then ``nccl``, a process group of one process through multi_gpu_train.yaml, and, for the rest of the time, ``study``:
T-Loss, BCE, MAE and GCE on Shenzhen at 256 × 256 with the paper's network, α = β = 0.7, all at once; ``--data`` is the
folder with images/ and masks/, without it the chest phantom takes its place. ``train`` and ``amp`` run alone; then the
other steps of the bundles run side by side, so that their seconds are those of a busy machine.

Each bundle has processes of its own. A step that fails is written with its error, the others go on, and the exit code
is 1. With ``--device cpu`` all of it runs in miniature, in about three minutes: float32 in place of mixed precision,
gloo in place of NCCL, and the CPU without oneDNN in place of the GPU in ``agree``.

On a machine without network that has its own PyTorch (2.11 or later) and Python, the other packages come as wheels in a
folder and the images in another one. Where there is a network, collect what the machine lacks of requirements.txt, here
these five (and termcolor, which fire needs) for Python 3.12:

    python -m pip download --no-deps --only-binary=:all: --python-version 3.12 --platform manylinux_2_28_x86_64 \\
        --platform manylinux2014_x86_64 -d .wheels \\
        $(grep -E '^(monai|pytorch-ignite|nibabel|isal|fire|lazy-loader)=' requirements.txt) termcolor

Then, there:

    make gpu PYTHON=python3 WHEELS=.wheels DATA=.shenzhen

which puts the wheels into runs/gpu/site and takes PyTorch from the interpreter; nothing is installed in its place.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import fire

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.gpu_jobs import SHARES, Job, Results, Runner, latest_ends  # noqa: E402
from common.command import available_cores  # noqa: E402

BUNDLES = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/multi_gpu_train.yaml"))
ALONE, TOGETHER = ("train", "amp"), ("agree", "resume", "infer", "export")
LOSSES = ("t_loss", "bce", "mae", "gce")


def main(
    device: str = "cuda",
    only: str | Sequence[str] | None = None,
    seconds: float = 530,
    scale: str | None = None,
    data: str | None = None,
    output: str | None = None,
) -> int:
    """Runs the steps and writes their results.

    Args:
        device: cuda, or cpu for all of it in miniature.
        only: bundles, nccl and study, separated by commas; by default all.
        seconds: after which everything has ended.
        scale: paper or miniature; by default paper on a GPU.
        data: folder of the Shenzhen images and masks; by default the phantom.
        output: the JSON file; by default docs/results/gpu.json, of the CPU runs/gpu.json.

    Returns:
        The exit code: 1 if a step failed.
    """
    start = time.time()
    scale = scale or ("miniature" if device == "cpu" else "paper")
    chosen = [name.strip() for name in only.split(",")] if isinstance(only, str) else list(only or ())
    unknown = set(chosen) - {*BUNDLES, "nccl", "study"}
    if unknown or scale not in ("paper", "miniature"):
        names = ", ".join([*BUNDLES, "nccl", "study"])
        raise SystemExit(f"expected some of {names} and the scale paper or miniature, got {sorted(unknown)}, {scale}")
    if data and not Path(data, "images").is_dir():
        raise SystemExit(f"data: expected a folder with images/ and masks/, got {data}")
    settings = {"device": device, "scale": scale, "data": str(Path(data).resolve()) if data else None}
    output = output or str(REPOSITORY / ("runs/gpu.json" if device == "cpu" else "docs/results/gpu.json"))
    bundles = [name for name in BUNDLES if not chosen or name in chosen]
    on_gpu = device != "cpu"
    alone = [Job(name, name, [*ALONE]) for name in bundles if on_gpu]
    together = [Job(name, name, [*TOGETHER] if on_gpu else [*ALONE, *TOGETHER]) for name in bundles]
    if not chosen or "nccl" in chosen:
        together.append(Job("nccl", "t_loss", ["nccl"]))
    losses = [[loss] for loss in LOSSES] if on_gpu else [[*LOSSES]]  # of each process
    study = [Job("study", "t_loss", part) for part in losses if not chosen or "study" in chosen]
    parts = {name: jobs for name, jobs in zip(SHARES, (alone, together, study), strict=True) if jobs}
    results = Results(Path(output), about(settings, seconds))
    cores = available_cores() if on_gpu else 1
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        runner = Runner(results, {**settings, "work": work}, cores)
        for name, end in latest_ends(seconds, list(parts)).items():
            parallel = len(parts[name]) if on_gpu and name != "alone" else 1
            runner.run(parts[name], parallel, start + end)
    results.content["seconds_taken"] = round(time.time() - start, 1)
    results.write()
    failed = results.content["failed"]
    print(f"{output}: {len(failed)} failed, {results.content['seconds_taken']} s", *failed, sep="\n")
    return 1 if failed else 0


def about(settings: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Machine, packages and commit; asked of another process, for CUDA must not be started in this one."""
    code = (
        "import json, torch, monai\n"
        "gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None\n"
        "found = {'torch': torch.__version__, 'monai': monai.__version__, 'gpu': gpu, 'cuda': torch.version.cuda}\n"
        "print(json.dumps(found))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"PyTorch and MONAI are needed: {found.stderr.strip().splitlines()[-1]}")
    packages = json.loads(found.stdout.splitlines()[-1])
    if settings["device"] != "cpu" and not packages["gpu"]:
        raise SystemExit("device: PyTorch sees no GPU here; --device cpu runs all of it in miniature")
    git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return {
        "device": settings["device"],
        "scale": settings["scale"],
        "seconds": seconds,
        "python": platform.python_version(),
        "cores": available_cores(),
        **packages,
        "commit": git.stdout.strip() or None,
    }


if __name__ == "__main__":
    sys.exit(fire.Fire(main, serialize=lambda code: None))
