"""What the model zoo demands of a new bundle, and what can be made of its network, shown with the unpacked zip."""

from __future__ import annotations

import hashlib
import json
import math
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from bundle_runs import copy_bundle, exported_configs
from conftest import TINY
from monai.bundle import ConfigParser, ckpt_export, onnx_export, verify_metadata
from monai.data import load_net_with_metadata

from common.package import package
from common.phantom_weights import RECORD, WEIGHTS

SCHEMA = "meta_schema_20240725.json"
SIZES = {2: ([64, 64], [40, 56], [50, 37]), 3: ([16, 16, 16], [24, 16, 20], [17, 13, 10])}
EXPORTED_WITH: dict[str, dict[str, Any]] = {
    "disentangling_annotators": {"readout": "estimate"},  # a vote jumps where two classes are equal
    "soft_label_apl": {"network_def#features": [4, 8]},  # of the U-Net; the plan's are those of the Mask R-CNN
}
NECESSARY = ("configs/metadata.json", "LICENSE")
PREFERRED = (WEIGHTS, "configs/inference.json")
MEGABYTES = 25


@pytest.fixture(scope="module")
def unpacked(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle's folder as it comes out of its zip, with a small network, not trained."""
    folder = tmp_path_factory.mktemp("acceptance")
    source = copy_bundle(bundle.name, folder / "bundles")
    (source / "models").mkdir()
    plan = _parse(bundle, "inference").get_parsed_content("plan")
    least = _parse(bundle, "train").get("plan#least_levels", 2)  # an export takes as long as the network is deep
    resolutions = len(plan.method["layers"]) if "layers" in plan.method else least
    plan = replace(plan, features=(4, *[8] * (resolutions - 1)))
    (source / WEIGHTS).with_name("plan.json").write_text(plan.to_json(), encoding="utf-8")
    torch.save(_network(source, "inference").state_dict(), source / WEIGHTS)
    checksum = hashlib.sha256((source / WEIGHTS).read_bytes()).hexdigest()
    (source / RECORD).write_text(json.dumps({"val_score": 0.5, "weights_sha256": checksum}))
    (path,) = package(bundle.name, output=str(folder), train=False, bundles_dir=folder / "bundles")
    zipfile.ZipFile(path).extractall(folder / "unpacked")
    return folder / "unpacked" / bundle.name


def assert_same_up_to_rounding(found: torch.Tensor, expected: torch.Tensor, network: torch.nn.Module) -> None:
    """The same numbers, but sums of products may have been made in any order.

    A float32 sum of K products is off by about √K · 2⁻²⁴ of its size; each convolution adds its own error to those
    before it, and normalization keeps all at the scale of the output; twice, for both sides differ from the exact sum.
    """
    kinds = (torch.nn.modules.conv._ConvNd,)
    terms = [layer.weight[0].numel() for layer in network.modules() if isinstance(layer, kinds)]
    scale = max(1.0, float(expected.abs().max()))
    atol = 2 * 2**-24 * scale * sum(math.sqrt(count) for count in terms)
    assert atol < 1e-3 * scale, "a tolerance that would hide a mistake"
    torch.testing.assert_close(found, expected, rtol=0, atol=atol)


def _configs(bundle: Path, suffix: str) -> list[str]:
    """Inference, and the overlay of the network that can be exported where its own cannot."""
    names = ["inference", *TINY[bundle.name].get("export", [])]
    return [str(bundle / f"configs/{name}{suffix}") for name in names]


def _parse(bundle: Path, *configs: str, **overrides: Any) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([bundle / f"configs/{name}.yaml" for name in configs])
    parser.update(pairs={"ckpt_dir": str(bundle / "models")} | overrides)
    return parser


def _network(bundle: Path, *configs: str, **overrides: Any) -> torch.nn.Module:
    parser = _parse(bundle, *configs, **overrides)
    torch.manual_seed(0)
    return parser.get_parsed_content("network_def").eval()


def _assert_same_outputs(
    exported: Callable[[torch.Tensor], torch.Tensor], network: torch.nn.Module, image: torch.Tensor
) -> None:
    """At three sizes and two numbers of images."""
    sizes = SIZES[image.ndim - 2]
    generator = torch.Generator().manual_seed(2)
    for batch in (1, 3):
        for size in sizes:
            inputs = torch.rand(batch, image.shape[1], *size, generator=generator)
            with torch.no_grad():
                wanted = network(inputs)
            assert_same_up_to_rounding(exported(inputs), wanted, network)


@pytest.fixture(scope="module")
def network(unpacked: Path) -> torch.nn.Module:
    """The network of the bundle that can be exported."""
    return _network(unpacked, *exported_configs(unpacked.name), **EXPORTED_WITH.get(unpacked.name, {}))


@pytest.fixture(scope="module")
def image(unpacked: Path) -> torch.Tensor:
    """An input as the metadata describe it."""
    shape = json.loads((unpacked / "configs/metadata.json").read_text())["network_data_format"]["inputs"]["image"]
    return torch.rand(1, shape["num_channels"], *shape["spatial_shape"], generator=torch.Generator().manual_seed(1))


@pytest.fixture
def arguments(unpacked: Path, network: torch.nn.Module, tmp_path: Path) -> dict[str, Any]:
    """What MONAI's exports are told; the weights are those of the network."""
    torch.save(network.state_dict(), tmp_path / "model.pt")
    return {
        "net_id": "network_def",
        "ckpt_file": str(tmp_path / "model.pt"),
        "meta_file": str(unpacked / "configs/metadata.json"),
        "config_file": [str(unpacked / f"configs/{name}.json") for name in exported_configs(unpacked.name)],
        "bundle_root": str(unpacked),
        **EXPORTED_WITH.get(unpacked.name, {}),
    }


@pytest.mark.acceptance("zoo acceptance")
def test_directory_and_version(unpacked: Path) -> None:
    assert [name for name in (*NECESSARY, *PREFERRED) if not (unpacked / name).is_file()] == []
    assert (unpacked / WEIGHTS).stat().st_size < MEGABYTES * 10**6
    metadata = json.loads((unpacked / "configs/metadata.json").read_text(encoding="utf-8"))
    assert metadata["version"] in metadata["changelog"]
    assert "Apache License" in (unpacked / "LICENSE").read_text(encoding="utf-8")


@pytest.mark.acceptance("zoo acceptance")
@pytest.mark.acceptance("schema")
def test_metadata_with_scores(unpacked: Path, repository: Path) -> None:
    file = unpacked / "configs/metadata.json"
    assert json.loads(file.read_text(encoding="utf-8"))["eval_metrics"]["val_score"] == 0.5
    verify_metadata(meta_file=str(file), filepath=repository / "tests/data" / SCHEMA)


@pytest.mark.acceptance("zoo acceptance")
@pytest.mark.acceptance("TorchScript")
def test_torchscript(
    unpacked: Path, arguments: dict[str, Any], network: torch.nn.Module, image: torch.Tensor, tmp_path: Path
) -> None:
    path = tmp_path / "model.ts"
    ckpt_export(filepath=str(path), **arguments)
    script, metadata, extra = load_net_with_metadata(path, more_extra_files=["inference.json"])
    _assert_same_outputs(script, network, image)
    assert metadata["version"] == json.loads((unpacked / "configs/metadata.json").read_text())["version"]
    assert json.loads(extra["inference.json"]) == json.loads((unpacked / "configs/inference.json").read_text())


@pytest.mark.acceptance("ONNX")
def test_onnx(
    unpacked: Path,
    arguments: dict[str, Any],
    network: torch.nn.Module,
    image: torch.Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As documented: the names of inputs and outputs, and that all sizes are free, stand in ``onnx_export.json``."""
    monkeypatch.chdir(unpacked)
    path = tmp_path / "model.onnx"
    overrides = {key: arguments[key] for key in ("ckpt_file", *EXPORTED_WITH.get(unpacked.name, {}))}
    onnx_export(args_file="configs/onnx_export.json", filepath=str(path), **overrides)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [tensor.name for tensor in (*session.get_inputs(), *session.get_outputs())] == ["image", "pred"]

    def run(inputs: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(session.run(["pred"], {"image": inputs.numpy()})[0])

    _assert_same_outputs(run, network, image)


@pytest.mark.acceptance("torch.export")
def test_torch_export(network: torch.nn.Module, image: torch.Tensor, tmp_path: Path) -> None:
    path = tmp_path / "model.pt2"
    torch.export.save(torch.export.export(network, (image,)), path)
    wanted = network(image)
    found = torch.export.load(path).module()(image)
    assert_same_up_to_rounding(found, wanted, network)


def test_pyramid_of_the_mask_rcnn(repository: Path) -> None:
    """Of a detector what has outputs of fixed number and size can be exported: its features."""
    backbone = _network(repository / "bundles/soft_label_apl", "inference").backbone
    image = torch.rand(1, 3, 96, 96, generator=torch.Generator().manual_seed(1))
    exported = torch.export.export(backbone, (image,)).module()
    for found, wanted in zip(exported(image), backbone(image), strict=True):
        assert_same_up_to_rounding(found, wanted, backbone)
