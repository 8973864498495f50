"""What the steps of one bundle share: how it is trained here, its device and scale, and counters of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigWorkflow

from benchmarks.gpu_jobs import REPOSITORY
from common import phantoms


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
        return {"train#sampler#num_samples": f"$@batch_size * {steps}"}

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
