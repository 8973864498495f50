"""Steps that use a trained network: inference of a large volume, and exports."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser

from benchmarks.gpu_context import Context, reset_peaks

VOLUME = {"paper": (512, 512, 300), "miniature": (64, 64, 12)}
VOXEL_MM = (0.8, 0.8, 1.0)


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
    arguments: dict[str, Any] = {
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
