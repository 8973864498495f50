"""The steps of `benchmarks.gpu`: what a process of its own does with one bundle.

python -m benchmarks.gpu_steps TASK

TASK is JSON, as `benchmarks.gpu_jobs.Runner` writes it.
"""

from __future__ import annotations

import json
import math
import os
import re
import socket
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser, ConfigWorkflow

from benchmarks.gpu_jobs import AGAIN, REPOSITORY
from common import phantoms

STEPS = {"paper": (50, 10), "miniature": (10, 2)}  # of a timed training, and those of them that are not timed
COMPARED = 4  # losses that are compared with the CPU's
# Largest relative difference of a loss: of the first, where only the order of float32 sums differs, and of the later
# ones, whose weights Adam has moved by its learning rate even where a gradient is rounding.
TOLERANCE = {"first": 1e-4, "later": 2e-2}
VOLUME = {"paper": (512, 512, 300), "miniature": (64, 64, 12)}
VOXEL_MM = (0.8, 0.8, 1.0)


@dataclass(frozen=True)
class Bundle:
    """How a bundle is trained here: overlays of the paper's data set, a phantom in place of the data, overrides."""

    overlays: tuple[str, ...]
    phantom: str
    size: Mapping[str, Mapping[str, int]]
    overrides: Mapping[str, Any] = field(default_factory=dict)
    miniature: Mapping[str, Any] = field(default_factory=dict)
    exported: tuple[str, ...] | None = None  # overlays of the network that is exported, if its own cannot be


BUNDLES = {
    "bwcr": Bundle(
        ("acdc",),
        "write_cardiac_phantom",
        {
            "paper": {"num_subjects": 6, "size": 192, "slices": 8},
            "miniature": {"num_subjects": 3, "size": 32, "slices": 3},
        },
        {
            "counts": {"training": 1, "validation": 1, "test": 1},
            "normalization": {"kind": "percentiles", "lower": 2, "upper": 98},
        },
        {"patch_size": [32, 32], "features": [4, 8], "batch_size": 4},
    ),
    "disentangling_annotators": Bundle(
        ("lidc",),
        "write_lesion_phantom",
        {"paper": {"num_cases": 24, "size": 180}, "miniature": {"num_cases": 12, "size": 32}},
        miniature={"image_size": [32, 32], "features": [4, 8], "batch_size": 4},
    ),
    "marginal_thresholding": Bundle(
        ("totalsegmentator",),
        "write_ct_phantom",
        {"paper": {"num_cases": 10, "size": 64}, "miniature": {"num_cases": 6, "size": 32}},
        {"max_cases": None},
        {"patch_size": [16, 16, 16], "features": [4, 8], "num_folds": 3},
    ),
    "soft_label_apl": Bundle(
        ("resnet50", "oai"),
        "write_knee_phantom",
        {
            "paper": {"num_cases": 4, "size": 320, "num_slices": 8},
            "miniature": {"num_cases": 4, "size": 48, "num_slices": 3},
        },
        {"counts": {"training": 2, "validation": 1, "test": 1}},
        {
            "block": "basic",
            "layers": [1, 1, 1, 1],
            "features": [4, 4, 4, 4],
            "pyramid_channels": 4,
            "hidden": 8,
            "proposals": 20,
            "mask_cells": 7,
            "spacing": None,
            "patch_size": [48, 48],
        },
        ("oai", "unet"),
    ),
    "t_loss": Bundle(
        ("shenzhen",),
        "write_chest_phantom",
        {
            "paper": {"num_cases": 24, "size": 256, "num_volumes": 1},
            "miniature": {"num_cases": 8, "size": 32, "num_volumes": 1},
        },
        miniature={"image_size": [32, 32], "features": [4, 8, 8, 8], "batch_size": 4},
    ),
}


def largest_difference(found: Sequence[float], wanted: Sequence[float]) -> dict[str, float]:
    """The relative differences of two loss curves: of their first values, and the largest of the later ones.

    >>> largest_difference([1.0, 2.0, 5.0], [1.0, 2.0, 4.0])
    {'first': 0.0, 'later': 0.25}
    """
    differences = [abs(a - b) / max(abs(b), 1e-12) for a, b in zip(found, wanted, strict=True)]
    return {"first": differences[0], "later": max(differences[1:])}


def check_agreement(found: Sequence[float], wanted: Sequence[float]) -> dict[str, float]:
    """`largest_difference`, if it is within ``TOLERANCE``; raises if not, or if a loss is not finite."""
    if not all(map(math.isfinite, (*found, *wanted))):
        raise ValueError(f"a loss is not finite: {found} and {wanted}")
    difference = largest_difference(found, wanted)
    for part, limit in TOLERANCE.items():
        if not difference[part] <= limit:
            raise ValueError(f"{part} loss: {difference[part]:.2g} apart, more than {limit:g}: {found} and {wanted}")
    return difference


def one_line(error: BaseException) -> str:
    """The kind of an error and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"


class Context:
    """What the steps of one bundle share.

    Args:
        task: of `Runner`: bundle, device, scale, data, work, deadline, report.
    """

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.name, self.scale, self.task = task["bundle"], task["scale"], task
        self.bundle, self.device = BUNDLES[task["bundle"]], torch.device(task["device"])
        self.root = REPOSITORY / "bundles" / self.name
        self.work = Path(task["work"], self.name)
        self.work.mkdir(parents=True, exist_ok=True)
        if self.on_gpu:
            torch.cuda.init()  # its counters of memory exist only then

    @property
    def on_gpu(self) -> bool:
        return self.device.type == "cuda"

    def workflow(self, folder: str, overlays: Sequence[str] | None = None, **overrides: Any) -> ConfigWorkflow:
        """A training of the bundle at this scale, initialized; ``overrides`` come last."""
        overlays = self.bundle.overlays if overlays is None else overlays
        data = getattr(phantoms, self.bundle.phantom)(str(self.work / "phantom"), **self.bundle.size[self.scale])
        values: dict[str, Any] = {"dataset_dir": data, "layout": None, **self.bundle.overrides}
        if self.scale == "miniature":
            values |= {"num_workers": 0, **self.bundle.miniature}
        if "multi_gpu_train" not in overlays:  # which has a device for each process
            values["device"] = str(self.device)
        values |= {"output_dir": str(self.work / folder), **overrides}
        return initialized(self.root, ["train", *overlays], values)

    def limited(self, steps: int) -> dict[str, Any]:
        """Overrides for epochs of so many steps, whatever the number of cases."""
        if "iterations_per_epoch:" in (self.root / "configs/train.yaml").read_text(encoding="utf-8"):
            return {"iterations_per_epoch": steps}
        sampler = {"_target_": "torch.utils.data.RandomSampler", "data_source": "@train#dataset", "replacement": True}
        sampler["num_samples"] = f"$@batch_size * {steps}"
        return {"train#dataloader#shuffle": False, "train#dataloader#sampler": sampler}

    def trained(self, overlays: Sequence[str] | None = None) -> Path:
        """Folder of weights and plan after two short epochs, trained at the first call."""
        folder = "trained" if overlays is None else "_".join(overlays)
        if not (self.work / folder / "model.pt").is_file():
            self.workflow(folder, overlays, max_epochs=2, overwrite=True, **self.limited(3)).run()
        return self.work / folder

    def synchronize(self) -> None:
        if self.on_gpu:
            torch.cuda.synchronize()


def initialized(root: Path, configs: Sequence[str], overrides: Mapping[str, Any]) -> ConfigWorkflow:
    """A bundle's `ConfigWorkflow` of a training whose checkpoints lie in its ``output_dir``."""
    workflow = ConfigWorkflow(
        config_file=[str(root / f"configs/{name}.yaml") for name in configs],
        workflow_type="train",
        logging_file=False,
        bundle_root=str(root),
        **{"ckpt_dir": overrides["output_dir"], **overrides},
    )
    workflow.initialize()
    return workflow


def trainer_of(workflow: ConfigWorkflow) -> Any:
    return workflow.parser.get_parsed_content("train#trainer")


def step_train(context: Context) -> dict[str, Any]:
    return timed_training(context, amp=False)


def step_amp(context: Context) -> dict[str, Any]:
    return timed_training(context, amp=True)


def timed_training(context: Context, amp: bool) -> dict[str, Any]:
    """Seconds of a training's step and of a bare loop's, after the first ones."""
    count, warm_up = STEPS[context.scale]
    workflow = context.workflow(
        "amp" if amp else "train", amp=amp, max_epochs=1, val_interval=10**6, overwrite=True, **context.limited(count)
    )
    trainer, losses, times = trainer_of(workflow), [], []

    def note(engine: Engine) -> None:
        losses.append(engine.state.output["loss"].detach())
        if engine.state.iteration in (warm_up, count):
            context.synchronize()
            times.append(time.perf_counter())

    trainer.add_event_handler(Events.ITERATION_COMPLETED, note)
    trainer.run()
    values = [float(loss) for loss in losses]
    if not all(map(math.isfinite, values)):
        raise ValueError(f"a loss is not finite: {values}")
    batch_size = int(workflow.parser.get_parsed_content("batch_size"))
    seconds, bare = (times[1] - times[0]) / (count - warm_up), bare_seconds(context, trainer)
    half = bool(trainer.amp and trainer.scaler is not None and trainer.scaler.is_enabled())
    return {
        "mixed_precision": half,
        "scale_of_the_loss": trainer.scaler.get_scale() if half else None,
        "batch_size": batch_size,
        "parameters": sum(parameter.numel() for parameter in trainer.network.parameters()),
        "first_loss": values[0],
        "last_loss": values[-1],
        "step_ms": round(1e3 * seconds, 2),
        "bare_step_ms": round(1e3 * bare, 2),
        "samples_per_second": round(batch_size / seconds, 1),
        "bundle_to_bare": round(seconds / bare, 3),
        "tf32_convolutions": torch.backends.cudnn.allow_tf32,
    }


def bare_seconds(context: Context, trainer: Any) -> float:
    """Seconds of a step of a loop without engine, handlers and loading: the batches lie on the device."""
    prepared = []
    for batch, _ in zip(trainer.data_loader, range(4), strict=False):
        inputs, targets, *more = trainer.prepare_batch(batch, context.device)
        prepared.append((inputs, targets, *(more or ((), {}))))
    network, optimizer, loss = trainer.network.train(), trainer.optimizer, trainer.loss_function
    scaler = trainer.scaler if trainer.amp else None
    count, warm_up = STEPS[context.scale]
    for step in range(count):
        if step == warm_up:
            context.synchronize()
            start = time.perf_counter()
        inputs, targets, arguments, named = prepared[step % len(prepared)]
        optimizer.zero_grad()
        with torch.autocast("cuda", enabled=scaler is not None and context.on_gpu):
            value = loss(trainer.inferer(inputs, network, *arguments, **named), targets).mean()
        if scaler is None:
            value.backward()
            optimizer.step()
        else:
            scaler.scale(value).backward()
            scaler.step(optimizer)
            scaler.update()
    context.synchronize()
    return (time.perf_counter() - start) / (count - warm_up)


def step_agree(context: Context) -> dict[str, Any]:
    """The first losses on the device and on the CPU; in miniature, on the CPU with and without oneDNN."""

    def losses(device: str) -> list[float]:
        workflow = context.workflow(
            f"agree_{device}", device=device, amp=False, max_epochs=1, val_interval=10**6, overwrite=True,
            **context.limited(COMPARED),
        )  # fmt: skip
        found: list[float] = []
        trainer = trainer_of(workflow)
        trainer.add_event_handler(
            Events.ITERATION_COMPLETED, lambda engine: found.append(float(engine.state.output["loss"]))
        )
        trainer.run()
        return found

    with drawn_on_the_cpu():
        wanted = losses("cpu")
        if context.on_gpu:
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
            found = losses(str(context.device))
        else:
            with torch.backends.mkldnn.flags(enabled=False):
                found = losses("cpu")
    return {"losses": found, "cpu_losses": wanted, "tolerance": TOLERANCE, **check_agreement(found, wanted)}


@contextmanager
def drawn_on_the_cpu() -> Iterator[None]:
    """What a step draws on its device (noise of a view, sampled anchors) is drawn on the CPU, alike for all."""
    real = {name: getattr(torch, name) for name in ("randperm", "randn", "randn_like", "multinomial")}

    def from_cpu(name: str) -> Callable[..., Any]:
        def draw(*arguments: Any, device: Any = None, generator: Any = None, **named: Any) -> Any:
            if generator is not None and generator.device.type != "cpu":
                generator = torch.Generator().manual_seed(generator.initial_seed())
            return real[name](*arguments, generator=generator, **named).to(device or "cpu")

        return draw

    def like(tensor: Any) -> Any:
        return real["randn"](tensor.shape, dtype=tensor.dtype).to(tensor.device)

    def multinomial(weights: Any, *arguments: Any, **named: Any) -> Any:
        return real["multinomial"](weights.cpu(), *arguments, **named).to(weights.device)

    torch.randperm, torch.randn = from_cpu("randperm"), from_cpu("randn")  # type: ignore[assignment]
    torch.randn_like, torch.multinomial = like, multinomial  # type: ignore[assignment]
    try:
        yield
    finally:
        for name, function in real.items():
            setattr(torch, name, function)


def step_resume(context: Context) -> dict[str, Any]:
    """A training stopped after its first epoch and resumed, against one that was not stopped."""
    settings = {"max_epochs": 2, **context.limited(3)}
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            whole_folder = context.trained()
            stopped = context.workflow("resumed", overwrite=True, **settings)
            trainer_of(stopped).add_event_handler(Events.EPOCH_COMPLETED(once=1), lambda engine: engine.terminate())
            stopped.run()
            before = torch.load(context.work / "resumed/checkpoint.pt", weights_only=True)["epoch"]
            context.workflow("resumed", resume=True, **settings).run()
    finally:
        torch.use_deterministic_algorithms(False)
    found = (re.match(r"(\S+) does not have a deterministic", str(warning.message)) for warning in caught)
    without = sorted({match[1] for match in found if match})
    whole, resumed = (
        torch.load(folder / "checkpoint.pt", weights_only=True) for folder in (whole_folder, context.work / "resumed")
    )
    if (before, resumed["epoch"]) != (1, 2):
        raise ValueError(f"expected a stop after epoch 1 and an end after epoch 2, got {before} and {resumed['epoch']}")
    differing = different_tensors(whole, resumed)
    if differing:
        raise ValueError(
            f"{len(differing)} tensors of the checkpoint differ, by up to {max(differing.values()):.2g}; "
            f"operations without a deterministic algorithm: {', '.join(without) or 'none'}"
        )
    return {"identical": True, "no_deterministic_algorithm": without}


def different_tensors(one: Any, other: Any, where: str = "") -> dict[str, float]:
    """Where two nested containers hold tensors that are not equal bit for bit, and by how much they differ.

    Args:
        one, other: of the same structure.
        where: they stand in what they are part of.
    """
    if isinstance(one, torch.Tensor):
        equal = torch.equal(one, other)
        return {} if equal else {where: float((one.double() - other.double()).abs().max())}
    pairs: Any = ()
    if isinstance(one, Mapping):
        pairs = ((key, one[key], other[key]) for key in one)
    elif isinstance(one, list | tuple):
        pairs = ((str(index), *pair) for index, pair in enumerate(zip(one, other, strict=True)))
    return {key: value for name, a, b in pairs for key, value in different_tensors(a, b, f"{where}/{name}").items()}


def step_infer(context: Context) -> dict[str, Any]:
    """`inferring` as inference.yaml says, of one volume; the peaks are those of this step."""
    weights, shape = context.trained(), VOLUME[context.scale]
    volume = context.work / "volume.nii"
    sides = (np.linspace(-1, 1, extent, dtype=np.float32) for extent in shape)
    values = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    values *= 100
    values += 1000 * (sum(place**2 for place in np.meshgrid(*sides, indexing="ij", sparse=True)) < 0.5)
    nib.save(nib.Nifti1Image(values.astype(np.int16), np.diag([*VOXEL_MM, 1.0])), volume)
    del values
    reset_peaks(context)
    start = time.perf_counter()
    monai.bundle.run(
        run_id="inferring",
        config_file=str(context.root / "configs/inference.yaml"),
        dataset_dir=str(volume),
        ckpt_dir=str(weights),
        output_dir=str(context.work / "inference"),
        overwrite=True,
        device=str(context.device),
    )
    written = sorted(path.name for path in (context.work / "inference").iterdir() if path.name.startswith("volume"))
    if not any("_mask" in name for name in written):
        raise ValueError(f"expected a mask of the volume, found {written}")
    seconds = round(time.perf_counter() - start, 2)
    return {"shape": shape, "voxel_mm": VOXEL_MM, "inferring_seconds": seconds, "written": written}


def step_export(context: Context) -> dict[str, Any]:
    """TorchScript on the device and ONNX on the CPU, compared with the network."""
    overlays = context.bundle.exported
    weights = context.trained(overlays)
    named = [name for name in overlays or () if name == "unet"]
    configs = [str(context.root / f"configs/{name}.yaml") for name in ("inference", *named)]
    parser = ConfigParser()
    parser.read_config(configs)
    parser.update({"bundle_root": str(context.root), "ckpt_dir": str(weights), "device": str(context.device)})
    network = parser.get_parsed_content("network").eval()
    arguments = {
        "net_id": "network_def",
        "ckpt_file": str(weights / "model.pt"),
        "meta_file": str(context.root / "configs/metadata.json"),
        "config_file": configs,
        "bundle_root": str(context.root),
        "ckpt_dir": str(weights),
    }
    shape = json.loads((context.root / "configs/onnx_export.json").read_text(encoding="utf-8"))["input_shape"]
    image = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(context.device)
    script = context.work / "model.ts"
    monai.bundle.ckpt_export(filepath=str(script), **arguments)
    result: dict[str, Any] = {"input_shape": shape}
    with torch.no_grad():
        found = torch.jit.load(script, map_location=context.device)(image)
        result["torchscript_difference"] = compared("TorchScript", found, network(image))
        wanted = network.cpu()(image.cpu())
    result["onnx"] = onnx_exported(context, arguments, image.cpu(), wanted)
    return result


def onnx_exported(context: Context, arguments: Mapping[str, Any], image: Any, wanted: Any) -> Any:
    """How much ONNX Runtime's output differs; a sentence if a package for it is not there."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        return f"not tried: {', '.join(missing)} not installed"
    import onnxruntime

    path = context.work / "model.onnx"
    monai.bundle.onnx_export(args_file=str(context.root / "configs/onnx_export.json"), filepath=str(path), **arguments)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return compared("ONNX", torch.from_numpy(session.run(["pred"], {"image": image.numpy()})[0]), wanted)


def compared(what: str, found: Any, wanted: Any) -> float:
    """The largest difference of two outputs relative to the largest value; raises above one part in a thousand."""
    difference = float((found - wanted).abs().max() / wanted.abs().max().clamp_min(1e-12))
    if not difference < 1e-3:
        raise ValueError(f"{what}: the outputs differ by {difference:.2g} of the largest value")
    return difference


def step_nccl(context: Context) -> dict[str, Any]:
    """A training in a process group of one, as torchrun would start it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    os.environ |= {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    overlays = (*context.bundle.overlays, "multi_gpu_train")
    workflow = context.workflow("multi_gpu", overlays, max_epochs=1, overwrite=True, timeout=60)
    backend, size = torch.distributed.get_backend(), torch.distributed.get_world_size()
    if backend != ("nccl" if context.on_gpu else "gloo"):
        raise ValueError(f"the backend is {backend}")
    workflow.run()
    trainer = trainer_of(workflow)
    result = {"backend": backend, "world_size": size, "device": str(trainer.state.device)}
    result |= {"steps": trainer.state.iteration, "loss": trainer.state.epoch_table[-1]["loss"]}
    workflow.finalize()
    return result


def step_study(context: Context, loss: str, report: Callable[..., None]) -> dict[str, Any]:
    """T-Loss's table 2 at α = β = 0.7 with one loss, as far as the time goes; reported after every epoch."""
    data = context.task["data"]
    settings: dict[str, Any] = {"loss_name": loss, "noise_alpha": 0.7, "noise_beta": 0.7, "overwrite": True}
    settings |= {"max_epochs": 100, "val_interval": 5} if context.scale == "paper" else {"max_epochs": 2}
    if data:
        settings |= {"dataset_dir": data, "layout": "shenzhen"}
    elif context.scale == "paper":
        settings["dataset_dir"] = phantoms.write_chest_phantom(str(context.work / "study"), num_cases=160, size=256)
    workflow = context.workflow(f"study_{loss}", (*context.bundle.overlays, "noise"), **settings)
    trainer, times = trainer_of(workflow), [time.time()]
    result: dict[str, Any] = {}

    def note(engine: Engine) -> None:
        times.append(time.time())
        rows = engine.state.epoch_table
        result.update(
            data="Shenzhen" if data else "chest phantom",
            mixed_precision=bool(engine.amp and context.on_gpu),
            epochs=engine.state.epoch,
            max_epochs=engine.state.max_epochs,
            steps=engine.state.iteration,
            seconds=round(times[-1] - times[0], 1),
            val_mean_dice={row["epoch"]: round(row["val_mean_dice"], 4) for row in rows if "val_mean_dice" in row},
            loss=rows[-1]["loss"],
        )
        report(unfinished=True, **result)
        longest = max(b - a for a, b in pairwise(times))
        if time.time() + 1.5 * longest + 5 > context.task["deadline"]:
            engine.terminate()

    trainer.add_event_handler(Events.EPOCH_COMPLETED, note)
    workflow.run()
    return result


def reset_peaks(context: Context) -> bool:
    """Starts counting peak memory anew, of the device and, where Linux allows it, of this process."""
    if context.on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peaks(context: Context) -> dict[str, float]:
    """Megabytes: the device's, as PyTorch allocated them, and the process's largest resident set."""
    found: dict[str, float] = {}
    if context.on_gpu:
        found["gpu_peak_mb"] = round(torch.cuda.max_memory_allocated() / 1e6)
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="utf-8").splitlines()
        (line,) = (line for line in lines if line.startswith("VmHWM"))
        found["host_peak_mb"] = round(int(line.split()[1]) * 1.024e-3)
    return found


def work_on(task: Mapping[str, Any]) -> int:
    """The process of a job: runs its steps and reports each; after a failure the others need a new process."""

    def report(step: str, **entry: Any) -> None:
        with Path(task["report"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **entry}) + "\n")

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    context = Context(task)
    steps = {"train": step_train, "amp": step_amp, "agree": step_agree, "resume": step_resume, "infer": step_infer}
    steps |= {"export": step_export, "nccl": step_nccl}
    for step in task["steps"]:
        start = time.perf_counter()
        reset_peaks(context)
        try:
            if step in steps:
                entry = steps[step](context)
            else:
                entry = step_study(context, step, lambda **values: report(step, **values))  # noqa: B023
            report(step, **entry, seconds_in_all=round(time.perf_counter() - start, 1), **peaks(context))
        except Exception as error:
            traceback.print_exc()
            report(step, error=one_line(error))
            return AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(work_on(json.loads(sys.argv[1])))
