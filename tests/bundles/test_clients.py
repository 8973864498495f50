"""Programs that take a bundle apart and run its pieces: an image gets the mask that the bundle itself would write.

What each does is in its source: MONAI Label's ``monailabel/tasks/infer/bundle.py``, ``basic_infer.py`` and
``transform/post.py``, and MONAI Deploy's ``monai/deploy/operators/monai_bundle_inference_operator.py``. The real ones
are run by ``make clients``, see ``tests/clients/``.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import exported_configs, run_bundle
from monai.bundle import ConfigParser, ckpt_export
from monai.data import MetaTensor
from monai.transforms import Compose, LoadImaged, SaveImage
from PIL import Image

from common.workflow import load_plan

# Decisions that give untrained networks some foreground, not all
DECISIONS: dict[str, dict[str, Any]] = {
    "disentangling_annotators": {"save_annotators": True},
    "marginal_thresholding": {"decision": "half"},
    "soft_label_apl": {"map_threshold": 0.0, "threshold": 0.25, "proposals": 8, "network_def#features": [4, 4, 4, 4]},
}
EXPORTED_DECISIONS: dict[str, dict[str, Any]] = {"soft_label_apl": {"threshold": 0.64}}
PICTURES = ("t_loss", "disentangling_annotators")  # bundles that also segment pictures
TRAINED = ("t_loss", "marginal_thresholding", "bwcr")  # bundles that learn from one label per image
MakeFolder = Callable[[list[str], dict[str, Any]], Path]
AFFINE = np.diag([-1.5, 1.5, 3.0, 1.0])


@pytest.fixture(scope="module")
def overrides(bundle: Path, tiny: dict[str, Any]) -> dict[str, Any]:
    sizes = {key: value for key, value in tiny["inference"].items() if not key.startswith("phantom#")}
    return sizes | DECISIONS.get(bundle.name, {})


@pytest.fixture(scope="module")
def make_folder(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeFolder:
    """Given configurations and overrides, a new volume, weights, and what the bundle itself makes of the two."""
    made: dict[str, Path] = {}

    def make(configs: list[str], overrides: dict[str, Any]) -> Path:
        folder = made.setdefault(f"{configs}{overrides}", tmp_path_factory.mktemp(bundle.name))
        if not (folder / "output").exists():
            volume = np.random.default_rng(0).normal(0, 300, (40, 36, 5)).astype(np.float32).cumsum(0)
            nib.save(nib.Nifti1Image(volume, AFFINE), folder / "volume.nii.gz")
            Image.fromarray((volume[..., 0].T % 256).astype(np.uint8)).save(folder / "picture.png")
            (folder / "models").mkdir()
            network = _parse(bundle, configs, overrides).get_parsed_content("network_def")
            weights = network.state_dict()
            if bundle.name == "bwcr":  # else the biases of the last layer decide for one class everywhere
                weights["exit.conv.bias"].zero_()
            torch.save(weights, folder / "models/model.pt")
            _write_plan(bundle, configs, overrides, folder / "models/plan.json")
            names = ["volume.nii.gz"] + ["picture.png"] * (bundle.name in PICTURES)
            (folder / "images.json").write_text(json.dumps([str(folder / name) for name in names]))
            places = {"dataset_dir": str(folder / "images.json"), "output_dir": str(folder / "output")}
            run_bundle(bundle.name, "inferring", configs, ckpt_dir=str(folder / "models"), **places, **overrides)
        return folder

    return make


def _parse(bundle: Path, configs: list[str], overrides: dict[str, Any]) -> ConfigParser:
    parser = ConfigParser()
    parser.read_config([bundle / f"configs/{name}.yaml" for name in configs])
    parser.update(pairs=overrides)
    torch.manual_seed(0)
    return parser


def _write_plan(bundle: Path, configs: list[str], overrides: dict[str, Any], path: Path) -> None:
    """The plan that a training writes beside the weights, where the bundle has one."""
    parser = _parse(bundle, configs, overrides)
    if "plan" in parser:
        path.write_text(parser.get_parsed_content("plan").to_json(), encoding="utf-8")


def _written(folder: Path, name: str) -> np.ndarray:
    if name.endswith(".png"):
        return np.asarray(Image.open(folder / "output/picture_mask.png")).T // 255
    return np.asarray(nib.load(folder / "output/volume_mask.nii.gz").dataobj)


def _assert_same_mask(pred: torch.Tensor, folder: Path) -> None:
    assert pred.dtype == torch.uint8 and pred.shape[0] == 1
    assert 0 < float((pred > 0).float().mean()) < 1, "a volume without or full of foreground would show nothing"
    np.testing.assert_array_equal(pred[0].numpy(), _written(folder, "volume.nii.gz"))
    if isinstance(pred, MetaTensor):
        np.testing.assert_allclose(pred.affine, AFFINE, atol=1e-9)
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["models", "output"], "no other file"


@pytest.mark.acceptance("client programs")
@pytest.mark.parametrize("name", ["volume.nii.gz", "picture.png"])
def test_as_monai_label_does(name: str, bundle: Path, make_folder: MakeFolder, overrides: dict[str, Any]) -> None:
    """Transforms one by one on a request; `Restored` finds nothing to resize."""
    if name.endswith(".png") and bundle.name not in PICTURES:
        pytest.skip("the bundle segments volumes only")
    folder = make_folder(["inference"], overrides)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    parser = _parse(bundle, ["inference"], overrides)
    parser.config.update({"bundle_root": str(folder), "device": "cpu"})
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load(folder / "models/model.pt", weights_only=True), strict=True)
    form = json.loads((bundle / "configs/metadata.json").read_text(encoding="utf-8"))["network_data_format"]
    key_image, key_pred = next(iter(form["inputs"])), next(iter(form["outputs"]))

    path = str(folder / name)
    data: dict[str, Any] = {"device": "cpu", "model_filename": ["model.pt"], "model": bundle.name, "description": ""}
    data |= {key_image: path, f"{key_image}_path": path, "latencies": {}}
    for transform in parser.get_parsed_content("preprocessing").transforms:
        if isinstance(transform, LoadImaged):
            transform._loader.image_only = False
        data = transform(data)
    with torch.no_grad():
        data[key_pred] = parser.get_parsed_content("inferer")(data[key_image][None], network)[0]
    for transform in parser.get_parsed_content("postprocessing").transforms:
        data = transform(data)
    pred = data[key_pred]
    wanted = data[key_image].meta["spatial_shape"][-(pred.ndim - 1) :]
    np.testing.assert_array_equal(pred.shape[1:], wanted, "`Restored` compares these, and resizes where they differ")
    array = np.asarray(pred if pred.ndim <= 3 else pred[0])  # as `Restored` leaves it
    stored = _written(folder, name)
    np.testing.assert_array_equal(array.T, stored.T, "the file that ITK writes, whose last axis runs fastest")
    assert 0 < np.count_nonzero(array) < array.size, "a volume without or full of foreground would show nothing"
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before, "no file is written"
    names = form["outputs"][key_pred]["channel_def"]
    labels = {int(number) for number, label in names.items() if label.lower() != "background"}
    assert set(np.unique(data[key_pred])) - {0} <= labels, "MONAI Label shows these as the numbers of the labels"
    assert 0 not in labels


@pytest.mark.acceptance("client programs")
def test_training_as_monai_label_does(bundle: Path, tiny: dict[str, Any], tmp_path: Path) -> None:
    """Items without names in `train#dataset#data`, and a loader of the bundle's own weights before the handlers."""
    if bundle.name not in TRAINED:
        pytest.skip("the bundle learns from several annotators")
    items = []
    volumes = np.random.default_rng(0).normal(0, 100, (4, 34, 33, 3)).cumsum(1)
    for index, volume in enumerate(volumes):
        item = {
            "image": str(tmp_path / f"image_{index}.nii.gz"),
            "label": str(tmp_path / f"labels/image_{index}.nii.gz"),
        }
        Path(item["label"]).parent.mkdir(exist_ok=True)
        plane = (Ellipsis, 0) if bundle.name == "t_loss" else Ellipsis
        nib.save(nib.Nifti1Image(volume[plane], AFFINE), item["image"])
        nib.save(nib.Nifti1Image((volume[plane] > 0).astype(np.uint8), AFFINE), item["label"])
        items.append(item)
    sections = {"train#dataset#data": items[:3], "validate#dataset#data": items[3:]}
    parser = _parse(bundle, ["train"], tiny["train"] | {"bundle_root": str(tmp_path), **sections})
    (tmp_path / "models").mkdir()
    weights = parser.get_parsed_content("network_def").state_dict()
    torch.save(weights, tmp_path / "models/model.pt")
    served = parser.get_parsed_content("plan")
    (tmp_path / "models/plan.json").write_text(served.to_json(), encoding="utf-8")
    shutil.rmtree(tmp_path / "phantom")
    loader = {"_target_": "CheckpointLoader", "load_path": str(tmp_path / "models/model.pt"), "strict": False}
    values = tiny["train"] | {
        "bundle_root": str(tmp_path),
        "train#trainer#max_epochs": 1,
        **sections,
        "train#handlers": [loader | {"load_dict": {"model": "$@network"}}, *parser["train#handlers"]],
    }
    run_bundle(bundle.name, "run", ["train"], init_id=None, final_id=None, **values)
    trained = torch.load(tmp_path / "models/model.pt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in trained.values())
    assert trained.keys() == weights.keys() and any(not tensor.equal(weights[name]) for name, tensor in trained.items())
    assert load_plan(tmp_path / "models").features == served.features
    split = json.loads((tmp_path / "models/split.json").read_text(encoding="utf-8"))
    names = [f"image_{index}" for index in range(4)]
    assert split == {"training": names[:3], "validation": names[3:], "test": []}
    assert not (tmp_path / "phantom").exists(), "the given cases are trained on"


def test_name_of_the_configuration_for_several_gpus(bundle: Path) -> None:
    """MONAI Label, like the model zoo, adds this file to its own copy of train.json."""
    assert (bundle / "configs/multi_gpu_train.yaml").is_file()


@pytest.mark.acceptance("client programs")
def test_as_monai_deploy_does(bundle: Path, make_folder: MakeFolder, overrides: dict[str, Any], tmp_path: Path) -> None:
    """All from one TorchScript file; the image comes from memory, without channel, nothing may be loaded or saved."""
    configs = exported_configs(bundle.name)
    overrides = overrides | EXPORTED_DECISIONS.get(bundle.name, {})
    folder, path = make_folder(configs, overrides), tmp_path / "model.ts"
    ckpt_export(
        net_id="network_def",
        filepath=str(path),
        ckpt_file=str(folder / "models/model.pt"),
        meta_file=str(bundle / "configs/metadata.json"),
        config_file=[str(bundle / f"configs/{name}.yaml") for name in configs],
        **overrides,
    )
    parser = ConfigParser()
    with zipfile.ZipFile(path) as archive:
        parser.read_meta(json.loads(archive.read("model/extra/metadata.json")))
        parser.read_config([archive.extract(f"model/extra/{name}.json", tmp_path) for name in configs])
    parser.update(pairs={**overrides, "device": "cpu"})
    parser.parse()
    network = torch.jit.load(path).eval()

    volume = nib.load(folder / "volume.nii.gz")
    meta = {"affine": AFFINE, "original_affine": AFFINE, "spatial_shape": np.asarray(volume.shape)}
    image = MetaTensor.ensure_torch_and_prune_meta(
        torch.from_numpy(np.asarray(volume.dataobj)), {**meta, "original_channel_dim": "no_channel"}
    )
    item = _without_files(parser.get_parsed_content("preprocessing"), "LoadImage")({"image": image})
    with torch.no_grad():
        pred = parser.get_parsed_content("inferer")(inputs=item["image"][None], network=network)
    found = _without_files(parser.get_parsed_content("postprocessing"), "SaveImage")({**item, "pred": pred[0]})
    _assert_same_mask(found["pred"], folder)


def _without_files(compose: Compose, name: str) -> Compose:
    compose.transforms = tuple(
        transform
        for transform in compose.transforms
        if name not in type(transform).__name__ and not isinstance(transform, SaveImage)
    )
    return compose
