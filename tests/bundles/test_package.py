"""A bundle's zip: what it holds, that it is reproducible, and its weights."""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import monai.bundle
import onnxruntime
import pytest
import torch
import yaml
from bundle_runs import copy_bundle, run_bundle
from monai.bundle import ConfigParser

from common.datasets.plan import Plan, example_plan
from common.errors import InputError
from common.package import package as package_with_weights
from common.phantom_weights import read_record, train_weights
from common.workflow import load_plan
from common.workflow.kept_split import read_split

package = partial(package_with_weights, train=False)
FILES = {
    "LICENSE": "Apache-2.0",
    "configs/train.yaml": 'a: 1.0e-3  # ν\nb: ["@a", true]\nloss: {_target_: common.losses.TLoss}\n',
    "configs/inference.yaml": "c: $@d + 1\nd: 2\n",
    "configs/overlay.yaml": "a: 2\n",
    "configs/metadata.json": '{"version": "1.2.3"}',
    "configs/logging.conf": "[loggers]",
    "docs/README.md": "# Method",
}
PLAN = "demo:\n  overlays: [overlay]\n  methods:\n    ours: {loss_name: t_loss}\n    baseline: {loss_name: bce}\n"


@pytest.fixture
def bundles_dir(tmp_path: Path) -> Path:
    """A folder with one small bundle, ``method``."""
    return _write_bundle(tmp_path / "bundles", FILES)


def _write_bundle(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / "method" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _names(path: str | Path) -> set[str]:
    return set(zipfile.ZipFile(path).namelist())


def test_contents(bundles_dir: Path, repository: Path, tmp_path: Path) -> None:
    (path,) = package("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert Path(path) == tmp_path / "dist/method_v1.2.3.zip"
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    assert archive.namelist() == sorted(archive.namelist())
    assert {(entry.date_time[0], entry.external_attr >> 16) for entry in archive.infolist()} == {(1980, 0o100644)}
    names = {name.removeprefix("method/") for name in archive.namelist() if name.startswith("method/")}
    assert len(names) == len(archive.namelist()), "one top folder, no name twice"
    reached = {"__init__.py", "errors.py", "losses/__init__.py", "losses/__init__.pyi", "losses/t_loss.py", "py.typed"}
    reached.add("losses/segmentation_loss.py")  # which T-Loss imports
    twins = {f"configs/{stem}.json" for stem in ("train", "inference", "overlay")}
    assert names == FILES.keys() | twins | {f"common/{name}" for name in reached}
    for name, text in FILES.items():
        assert archive.read(f"method/{name}").decode() == text
        if name.endswith(".yaml"):
            twin = json.loads(archive.read(f"method/{name}".replace(".yaml", ".json")))
            assert twin == yaml.safe_load(text)
    assert archive.read("method/common/errors.py") == (repository / "common/errors.py").read_bytes()


def test_products_and_caches_stay_behind(bundles_dir: Path, tmp_path: Path) -> None:
    without = _names(package("method", output=str(tmp_path / "without"), bundles_dir=bundles_dir)[0])
    products = ["models/checkpoint.pt", "models/model.ts", "output/metrics.csv", "phantom/images/a.png"]
    caches = ["docs/__pycache__/a.pyc", "docs/.cache/a", "configs/.train.yaml.swp", ".DS_Store"]
    split = json.dumps({"training": ["Miller^Anne"], "validation": ["b"], "test": [], "weights": {"Miller^Anne": 1.0}})
    plan = replace(example_plan(), notes=("1 case is left out: Miller^Anne.",)).to_json()
    weights = {"models/model.pt": "bytes", "models/plan.json": plan, "models/split.json": split}
    weights["models/temperature.json"] = '{"temperature": 2.0}'  # which --temperature fitted needs
    _write_bundle(bundles_dir, dict.fromkeys([*products, *caches], "bytes") | weights)
    (path,) = package("method", output=str(tmp_path / "trained"), bundles_dir=bundles_dir)
    trained = _names(path)
    assert trained - without == {f"method/{name}" for name in weights}
    assert without <= trained

    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "elsewhere")
    models = tmp_path / "elsewhere/method/models"
    assert not any(b"Miller" in file.read_bytes() for file in models.iterdir()), "names of cases do not travel"
    assert Plan.from_json((models / "plan.json").read_text(encoding="utf-8")) == example_plan()
    found, case_weights = read_split(models / "split.json", ["a", "b", "Miller^Anne"])
    assert (found["training"], found["validation"], case_weights) == (["Miller^Anne"], ["b"], {})

    own = bundles_dir / "method/configs/metadata.json"
    own.write_text('{"version": "1.2.3", "eval_metrics": {"dice": 0.87}}')  # by hand: of whatever they are
    (path,) = package("method", output=str(tmp_path / "own"), bundles_dir=bundles_dir)
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("method/configs/metadata.json"))["eval_metrics"] == {"dice": 0.87}

    (again,) = package("method", output=str(tmp_path / "again"), bundles_dir=tmp_path / "elsewhere")
    with zipfile.ZipFile(again) as archive:  # digests of digests would be nobody's
        assert archive.read("method/models/split.json") == (models / "split.json").read_bytes()


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("configs/metadata.json", "{", r"configs/metadata\.json cannot be read as JSON"),
        ("configs/metadata.json", "{}", r"configs/metadata\.json: expected version in it; it lacks version"),
        ("models/plan.json", '{"a": ', r"models/plan\.json cannot be read as JSON"),
        ("models/split.json", '{"training": [', r"models/split\.json cannot be read as JSON"),
        ("models/split.json", '["a"]', r"models/split\.json: expected a JSON dictionary, got list"),
        ("models/temperature.json", "{", r"models/temperature\.json: expected a fitted temperature"),
    ],
)
def test_a_damaged_file_of_the_bundle_is_named(
    bundles_dir: Path, tmp_path: Path, file: str, text: str, sentence: str
) -> None:
    split = '{"training": [], "validation": [], "test": []}'
    models = {"models/model.pt": "bytes", "models/plan.json": example_plan().to_json(), "models/split.json": split}
    _write_bundle(bundles_dir, {**models, file: text})
    with pytest.raises(InputError, match=sentence):
        package("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert not list((tmp_path / "dist").glob("*.zip"))


@pytest.mark.parametrize("name", ["T#1", "$x", "@x", "%x"])
def test_names_that_mean_something_in_configurations(bundles_dir: Path, tmp_path: Path, name: str) -> None:
    plan = replace(example_plan(), class_names=("background", name)).to_json()
    _write_bundle(bundles_dir, {"models/model.pt": "bytes", "models/plan.json": plan})
    with pytest.raises(InputError, match=r"plan\.json: expected class_names without # .*; give another name there"):
        package("method", train=False, output=str(tmp_path), bundles_dir=bundles_dir)


def test_reproducible(bundles_dir: Path, tmp_path: Path) -> None:
    """Order of writing, times and permissions of the files do not reach the zip."""
    again = _write_bundle(tmp_path / "again", dict(reversed(FILES.items())))
    os.utime(again / "method/LICENSE", (2e9, 2e9))
    (again / "method/docs/README.md").chmod(0o600)
    first, second = (
        Path(package("method", output=str(tmp_path / f"dist_{folder.name}"), bundles_dir=folder)[0])
        for folder in (bundles_dir, again)
    )
    assert first.read_bytes() == second.read_bytes()
    (again / "method/LICENSE").write_text("MIT")
    package("method", output=str(second.parent), bundles_dir=again)
    assert first.read_bytes() != second.read_bytes()


def test_model_info_as_monai_reads_it(bundles_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "model_info.json"
    other = {"checksum": "0", "source": "https://example.org/other_v0.1.0.zip"}
    file.write_text(json.dumps({"other_v0.1.0": other, "method_v1.2.3": {"checksum": "stale", "source": ""}}))
    (path,) = package("method", output=str(tmp_path), bundles_dir=bundles_dir, url_prefix="https://example.org/files/")
    info = json.loads(file.read_text())
    assert info == {
        "other_v0.1.0": other,
        "method_v1.2.3": {
            "checksum": hashlib.sha1(Path(path).read_bytes()).hexdigest(),
            "source": "https://example.org/files/method_v1.2.3.zip",
        },
    }
    answer = SimpleNamespace(text=file.read_text(), raise_for_status=lambda: None)
    monkeypatch.setattr(monai.bundle.scripts, "has_requests", True)
    monkeypatch.setattr(monai.bundle.scripts, "requests", SimpleNamespace(get=lambda url: answer))
    assert monai.bundle.get_bundle_info("method")["browser_download_url"] == info["method_v1.2.3"]["source"]


def test_all(bundles_dir: Path, tmp_path: Path) -> None:
    (bundles_dir / "method").rename(bundles_dir / "second")
    _write_bundle(bundles_dir, FILES)
    paths = package("all", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert [Path(path).name for path in paths] == ["method_v1.2.3.zip", "second_v1.2.3.zip"]
    assert json.loads((tmp_path / "dist/model_info.json").read_text()).keys() == {"method_v1.2.3", "second_v1.2.3"}


def test_mistakes(bundles_dir: Path, tmp_path: Path) -> None:
    output = tmp_path / "dist"
    (bundles_dir / "method/configs/overlay.yaml").write_text("loss: {_target_: common.losses.TLos}")
    with pytest.raises(InputError, match=r"overlay.yaml: it names common.losses.TLos, which is not there"):
        package("method", output=str(output), bundles_dir=bundles_dir)
    with pytest.raises(InputError, match=r"one of method .* got 'metod' \(did you mean 'method'\?\)"):
        package("metod", output=str(output), bundles_dir=bundles_dir)
    with pytest.raises(InputError, match="holds no bundle"):
        package("method", output=str(output), bundles_dir=bundles_dir / "method")
    (bundles_dir / "method/docs/README.md").unlink()
    with pytest.raises(InputError, match=r"missing: docs/README.md"):
        package("method", output=str(output), bundles_dir=bundles_dir)
    with pytest.raises(InputError, match="train: expected true or false, got 'false'"):
        package("method", train="false", bundles_dir=bundles_dir)
    assert not output.exists()
    output.mkdir()
    (output / "model_info.json").write_text("[1")
    with pytest.raises(InputError, match=r"model_info.json was to be extended"):
        package("method", output=str(output), bundles_dir=bundles_dir)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Verb and configurations of each run that training weights asks for; nothing is run."""
    made: list[tuple[str, list[str]]] = []

    def pretend(bundle: Path, verb: str, configs: list[str], log: Path, threads: int, **overrides: Any) -> None:
        made.append((verb, configs))
        assert overrides.pop("loss_name") == "t_loss", "the method, not its baseline"
        folder = Path(overrides["ckpt_dir"])
        if verb == "training":
            (folder / "model.pt").write_bytes(b"weights")
            (folder / "plan.json").write_text(example_plan().to_json(), encoding="utf-8")
            (folder / "split.json").write_text('{"training": ["a"], "validation": [], "test": []}', encoding="utf-8")
        else:
            (folder / "evaluation").mkdir()
            (folder / "evaluation/metrics.csv").write_text("val_mean_dice,0.912345\nval_hausdorff_95,2.0\n")

    monkeypatch.setattr("common.run_bundle.run_bundle", pretend)
    return made


def test_weights_and_their_scores(bundles_dir: Path, tmp_path: Path, runs: list[tuple[str, list[str]]]) -> None:
    _write_bundle(bundles_dir, {"configs/demo.yaml": PLAN, "models/temperature.json": "of weights that were deleted"})
    (path,) = package_with_weights("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    trained = ["train", "overlay", "demo"]
    assert runs == [("training", trained), ("evaluating", [*trained, "evaluate"])]
    archive = zipfile.ZipFile(path)
    assert archive.read("method/models/model.pt") == b"weights"
    assert "method/models/temperature.json" not in archive.namelist()
    read = archive.read("method/models/plan.json").decode()
    assert Plan.from_json(read) == example_plan(), "which inference reads beside the weights"
    scores = {
        "val_mean_dice": 0.9123,
        "val_hausdorff_95": 2.0,
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }
    assert json.loads(archive.read("method/configs/metadata.json")) == {"version": "1.2.3", "eval_metrics": scores}
    assert json.loads((bundles_dir / "method/configs/metadata.json").read_text()) == {"version": "1.2.3"}
    archive.extractall(tmp_path / "unpacked")
    (once_more,) = package_with_weights("method", output=str(tmp_path / "more"), bundles_dir=tmp_path / "unpacked")
    again = zipfile.ZipFile(once_more).read("method/configs/metadata.json")
    assert json.loads(again)["eval_metrics"] == scores and len(runs) == 2, "the zip has the scores of its weights"
    first = Path(path).read_bytes()
    package_with_weights("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert len(runs) == 2, "kept, with their scores"
    assert Path(path).read_bytes() == first


def test_metadata_say_what_the_weights_are(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    """Programs take labels and channels from there: of a training on three classes of color pictures."""
    bundle = copy_bundle("t_loss", tmp_path / "bundles")
    names = ("BG", "disc", "cup")
    plan = replace(example_plan(), channels=3, class_names=names, features=(4, 8, 8), fingerprint={"cases": 5})
    (bundle / "models").mkdir()
    (bundle / "models/plan.json").write_text(plan.to_json())
    parser = ConfigParser()
    parser.read_config(bundle / "configs/inference.yaml")
    parser["bundle_root"] = str(bundle)
    torch.save(parser.get_parsed_content("network_def").state_dict(), bundle / "models/model.pt")
    (path,) = package("t_loss", output=str(tmp_path), bundles_dir=bundle.parent)
    metadata = json.loads(zipfile.ZipFile(path).read("t_loss/configs/metadata.json"))
    image, pred = metadata["network_data_format"]["inputs"]["image"], metadata["network_data_format"]["outputs"]["pred"]
    assert pred["channel_def"] == {"0": "background", "1": "disc", "2": "cup"}, "0 is no label, whatever its name"
    assert image["channel_def"] == {"0": "red", "1": "green", "2": "blue"}
    assert (image["num_channels"], pred["num_channels"], pred["spatial_shape"]) == (3, 3, [32, 32])
    assert metadata["data_source"].startswith("5 training cases")
    torch.save({"another": torch.zeros(1)}, bundle / "models/model.pt")  # as of an overlay of the network
    (path,) = package("t_loss", output=str(tmp_path), bundles_dir=bundle.parent)
    declared = json.loads((bundle / "configs/metadata.json").read_text(encoding="utf-8"))
    assert json.loads(zipfile.ZipFile(path).read("t_loss/configs/metadata.json")) == declared
    assert "do not fit the network of configs/inference.yaml" in capsys.readouterr().err


def test_the_network_of_an_overlay_that_is_exported_is_described(tmp_path: Path) -> None:
    """The U-Net of soft labels, trained on gray pictures: ``onnx_export.json`` names its overlay."""
    bundle = copy_bundle("soft_label_apl", tmp_path / "bundles")
    (bundle / "models").mkdir()
    values = {"class_names": ("background", "cyst"), "features": (4, 8, 8), "fingerprint": {"cases": 5}}
    plan = replace(example_plan(), method={"neighbors": 0}, **values)
    (bundle / "models/plan.json").write_text(plan.to_json())
    parser = ConfigParser()
    parser.read_config([bundle / f"configs/{name}.yaml" for name in ("inference", "unet")])
    parser["bundle_root"] = str(bundle)
    torch.save(parser.get_parsed_content("network_def").state_dict(), bundle / "models/model.pt")
    (path,) = package("soft_label_apl", output=str(tmp_path), bundles_dir=bundle.parent)
    archive = zipfile.ZipFile(path)
    metadata = json.loads(archive.read("soft_label_apl/configs/metadata.json"))
    assert metadata["network_data_format"]["inputs"]["image"]["num_channels"] == 1
    assert json.loads(archive.read("soft_label_apl/configs/onnx_export.json"))["input_shape"][1] == 1


def test_export_has_the_axes_of_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a training on volumes, in a bundle whose phantom are pictures: no axis of the ONNX model has a fixed size."""
    bundle = copy_bundle("t_loss", tmp_path / "bundles")
    volumes = {"spatial_dims": 3, "image_dims": 3, "orientation": "RAS", "spacing": (1.0, 1.0, 1.0)}
    sizes = {"image_size": None, "patch_size": (16, 24, 32), "features": (4, 8, 8)}
    window = {"kind": "ct", "lower": -900.0, "upper": 300.0, "mean": 0.0, "std": 100.0}
    plan = replace(example_plan(), channels=2, normalization=window, fingerprint={"cases": 5}, **volumes, **sizes)
    plan = replace(plan, labels={"": {"values": None, "colors": {"#000000": 0, "#ff0000": 1}, "ignore": None}})
    (bundle / "models").mkdir()
    (bundle / "models/plan.json").write_text(plan.to_json())
    parser = ConfigParser()
    parser.read_config(bundle / "configs/inference.yaml")
    parser["bundle_root"] = str(bundle)
    torch.save(parser.get_parsed_content("network_def").state_dict(), bundle / "models/model.pt")
    (path,) = package("t_loss", output=str(tmp_path), bundles_dir=bundle.parent)
    zipfile.ZipFile(path).extractall(tmp_path)
    monkeypatch.chdir(tmp_path / "t_loss")
    metadata = json.loads(Path("configs/metadata.json").read_text(encoding="utf-8"))
    (image,) = metadata["network_data_format"]["inputs"].values()
    assert (image["format"], image["is_patch_data"], image["num_channels"]) == ("hounsfield", True, 2)
    monai.bundle.onnx_export(args_file="configs/onnx_export.json")
    session = onnxruntime.InferenceSession("models/model.onnx", providers=["CPUExecutionProvider"])
    shape = session.get_inputs()[0].shape
    assert [type(size) for size in shape] == [str, int, str, str, str] and shape[1] == 2
    inputs = torch.rand(1, 2, 17, 9, 13)
    network = parser.get_parsed_content("network_def").eval()
    network.load_state_dict(torch.load("models/model.pt", weights_only=True))
    wanted = network(inputs).detach()
    found = torch.from_numpy(session.run(["pred"], {"image": inputs.numpy()})[0])
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-4 * float(wanted.abs().max()))
    monkeypatch.chdir(tmp_path)  # as a program that takes the configuration from an exported model: no models/plan.json
    for suffix in ("json", "yaml"):
        exported = ConfigParser()
        exported.read_config(f"t_loss/configs/inference.{suffix}")
        assert exported.get_parsed_content("plan") == replace(plan, labels={}), "an inference reads no label"


def test_weights_of_unknown_scores(bundles_dir: Path, tmp_path: Path, runs: list[tuple[str, list[str]]]) -> None:
    weights, output = bundles_dir / "method/models/model.pt", tmp_path / "dist"
    _write_bundle(bundles_dir, {"models/model.pt": "mine", "models/eval_metrics.json": '{"weights_sha256": "other"}'})
    with pytest.raises(InputError, match="of the same training beside it"):
        package("method", output=str(output), bundles_dir=bundles_dir)
    _write_bundle(bundles_dir, {"models/plan.json": example_plan().to_json()})
    with pytest.raises(InputError, match="holds no scores of these weights"):
        package_with_weights("method", output=str(output), bundles_dir=bundles_dir)
    assert not runs and not output.exists() and weights.read_text() == "mine"
    (path,) = package("method", output=str(output), bundles_dir=bundles_dir)
    archive = zipfile.ZipFile(path)
    assert archive.read("method/models/model.pt") == b"mine"
    assert "eval_metrics" not in json.loads(archive.read("method/configs/metadata.json"))
    stale = '{"version": "1.2.3", "eval_metrics": {"val_mean_dice": 0.9, "weights_sha256": "other"}}'
    _write_bundle(bundles_dir, {"configs/metadata.json": stale})  # as in a zip, whose weights were replaced since
    (path,) = package("method", output=str(output), bundles_dir=bundles_dir)
    assert "eval_metrics" not in json.loads(zipfile.ZipFile(path).read("method/configs/metadata.json"))
    for text in ("{", "[1]"):
        (weights.parent / "eval_metrics.json").write_text(text)
        with pytest.raises(InputError, match="is no JSON dictionary of scores"):
            package("method", output=str(output), bundles_dir=bundles_dir)


def test_folds_are_no_weights_of_one_network(bundles_dir: Path, tmp_path: Path) -> None:
    _write_bundle(bundles_dir, {f"models/fold_{index}/model.pt": "mine" for index in range(2)})
    with pytest.raises(InputError, match=r"the weights of one network in models/model.pt, .* got 2 networks"):
        package("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert not (tmp_path / "dist").exists()


def test_trained_as_in_the_demo(
    tiny: dict[str, Any], bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bundle's demo gives weights and scores, here at the tests' sizes and in their own process."""
    copy = tmp_path / bundle.name
    shutil.copytree(bundle / "configs", copy / "configs")

    def small(bundle: Path, verb: str, configs: list[str], log: Path, threads: int, **overrides: Any) -> None:
        run_bundle(bundle.name, verb, configs, **{**overrides, **tiny["train"], "bundle_root": str(copy)})

    monkeypatch.setattr("common.run_bundle.run_bundle", small)
    train_weights(copy)
    scores = dict(read_record(copy) or {})
    assert scores.pop("weights_sha256")
    assert scores and all(math.isfinite(value) for value in scores.values())
    assert torch.load(copy / "models/model.pt", weights_only=True)
    plan = load_plan(copy / "models")
    assert plan.num_classes >= 2 and str(copy) not in plan.to_json(), "a plan holds no path of the machine"


def test_command_line(bundles_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "common.package", "method", "--output", "dist", "--bundles_dir", str(bundles_dir)]
    command += ["--train", "false"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "dist/method_v1.2.3.zip"
    assert (tmp_path / "dist/method_v1.2.3.zip").is_file()
    command[3] = "method2"
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Error: bundle: expected") and failed.stderr.count("\n") == 1
