"""What a packaged bundle's files say of its network: of weights of one's own, what their training found out."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common.errors import InputError
from common.io.files import read_json

if TYPE_CHECKING:
    from common.datasets.plan import Plan

__all__ = ["describe_network", "export_options"]


def describe_network(bundle: Path, metadata: Mapping[str, Any], own: bool) -> dict[str, Any]:
    """Metadata with channels, classes and sizes of the network in the bundle's folder.

    Programs take the names of labels, and how many channels go in and come out, from ``network_data_format``; a
    bundle's own file has those of its phantom.

    Args:
        bundle: folder with ``configs/inference.yaml``, ``models/model.pt`` and ``models/plan.json``.
        metadata: of the bundle.
        own: whether somebody trained these weights on data of their own, which are then named in place of the phantom.

    Returns:
        The same keys. Weights that fit neither the network of ``inference.yaml`` nor the one that ``onnx_export.json``
        exports, as those of other overlays, leave the values as they are, which is said.

    Raises:
        InputError: the plan cannot be read.
    """
    import torch

    plan, network = _plan_and_network(bundle)
    if network is None:
        print(
            f"{bundle.name}: metadata.json and onnx_export.json keep the values of the phantom, since the weights do "
            "not fit the network of configs/inference.yaml, nor that of onnx_export.json; for an export give "
            "--input_shape.",
            file=sys.stderr,
        )
        return dict(metadata)
    count = next(weight.shape[1] for weight in network.parameters() if weight.ndim == plan.spatial_dims + 2)
    with torch.no_grad():
        output = network(torch.zeros(1, count, *plan.patch_size))
    found = deepcopy(dict(metadata))
    (image,), (pred,) = (found["network_data_format"][side].values() for side in ("inputs", "outputs"))
    for side, channels in ((image, count), (pred, output.shape[1])):
        side |= {"num_channels": channels, "spatial_shape": list(plan.patch_size)}
    classes = {str(number): name for number, name in enumerate(plan.class_names)} | {"0": "background"}
    pred["channel_def"] = classes
    names = _input_names(plan, list(image["channel_def"].values()), count)
    image["channel_def"] = {str(number): name for number, name in enumerate(names)}
    if own:
        image |= {"modality": ", ".join(plan.channel_names) or "other", "value_range": []}
        image["format"] = "hounsfield" if plan.normalization["kind"] == "ct" else "magnitude"
        image["is_patch_data"] = pred["is_patch_data"] = plan.patch_size != plan.image_size
        listed = ", ".join(f"{number} {name}" for number, name in classes.items())
        cases = plan.fingerprint.get("cases")
        found |= {
            "data_source": f"{cases} training cases of one's own; models/plan.json says what was found out about them",
            "data_type": "picture" if plan.image_dims == 2 else "volume",
            "image_classes": f"channels: {count}; intensities: {plan.normalization['kind']}",
            "label_classes": f"numbers of classes: {listed}",
            "pred_classes": f"channels: {output.shape[1]}; of the classes {listed}",
        }
    return found


def _plan_and_network(bundle: Path) -> tuple[Plan, Any]:
    """The plan, and the network that the weights fit; None for a network of other overlays."""
    from monai.bundle import ConfigParser

    from common.workflow import load_weights
    from common.workflow.checkpoint import read_state

    read_state(bundle / "models/model.pt")  # of a damaged file the sentence is another one
    options = read_json(bundle / "configs/onnx_export.json", ["config_file"])
    plan: Any = None
    for names in (["configs/inference.yaml"], options["config_file"]):
        parser = ConfigParser()
        parser.read_config([bundle / name for name in ([names] if isinstance(names, str) else names)])
        parser["bundle_root"] = str(bundle)
        plan = parser.get_parsed_content("plan")
        try:
            return plan, load_weights(parser.get_parsed_content("network_def"), bundle / "models/model.pt").eval()
        except (InputError, RuntimeError, KeyError):
            continue
    return plan, None


def export_options(options: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``onnx_export`` for the network that the metadata describe.

    Args:
        options: the bundle's ``onnx_export.json``, for the network of its phantom.
        metadata: of the bundle, as `describe_network` gives them.

    Returns:
        The same keys. Of another number of axes, the example input has the size in the metadata, and all of them are
        dynamic.

    Example:
        >>> image = {"num_channels": 1, "spatial_shape": [32, 48, 16]}
        >>> options = {"input_shape": [2, 3, 64, 96], "converter_kwargs": {"dynamic_axes": {"image": [0, 2, 3]}}}
        >>> export_options(options, {"network_data_format": {"inputs": {"image": image}}})
        {'input_shape': [2, 1, 32, 48, 16], 'converter_kwargs': {'dynamic_axes': {'image': [0, 2, 3, 4]}}}
    """
    found = deepcopy(dict(options))
    (image,) = metadata["network_data_format"]["inputs"].values()
    batch, _, *sizes = found["input_shape"]
    if len(sizes) != len(image["spatial_shape"]):
        sizes = image["spatial_shape"]
    found["input_shape"] = [batch, image["num_channels"], *sizes]
    axes = found["converter_kwargs"]["dynamic_axes"]
    axes |= {name: [0, *range(2, 2 + len(sizes))] for name in axes}
    return found


def _input_names(plan: Plan, declared: Sequence[str], count: int) -> Sequence[str]:
    """The names of the data set's channels; of a slice between its neighbors those that the bundle has."""
    if len(plan.channel_names) == count:
        return plan.channel_names
    if len(declared) == count and (count == 1 or count != plan.channels):
        return declared
    return ["red", "green", "blue"] if count == 3 and plan.image_dims == 2 else [f"image {k}" for k in range(count)]
