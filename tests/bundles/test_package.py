"""A bundle's zip: what it holds, that it is reproducible, and the journey of somebody who has nothing but the zip."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
import torch
import yaml
from bundle_runs import run_bundle
from local_server import serve
from PIL import Image
from warm_python import MONAI, WarmPython

from common.errors import InputError
from common.package import package as package_with_weights
from common.phantom_weights import read_record, train_weights
from common.workflow import load_plan

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
    weights = ["models/model.pt", "models/plan.json", "models/split.json"]
    _write_bundle(bundles_dir, dict.fromkeys([*products, *caches, *weights], "bytes"))
    trained = _names(package("method", output=str(tmp_path / "trained"), bundles_dir=bundles_dir)[0])
    assert trained - without == {f"method/{name}" for name in weights}
    assert without <= trained


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
    with pytest.raises(InputError, match="train is a switch"):
        package_with_weights("method", train="maybe", bundles_dir=bundles_dir)
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
            for name in ("plan.json", "split.json"):
                (folder / name).write_text(name)
        else:
            (folder / "evaluation").mkdir()
            (folder / "evaluation/metrics.csv").write_text("val_mean_dice,0.912345\nval_hausdorff_95,2.0\n")

    monkeypatch.setattr("common.run_bundle.run_bundle", pretend)
    return made


def test_weights_and_their_scores(bundles_dir: Path, tmp_path: Path, runs: list[tuple[str, list[str]]]) -> None:
    _write_bundle(bundles_dir, {"configs/demo.yaml": PLAN})
    (path,) = package_with_weights("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    trained = ["train", "overlay", "demo"]
    assert runs == [("training", trained), ("evaluating", [*trained, "evaluate"])]
    archive = zipfile.ZipFile(path)
    assert archive.read("method/models/model.pt") == b"weights"
    assert archive.read("method/models/plan.json") == b"plan.json", "which inference reads beside the weights"
    scores = {
        "val_mean_dice": 0.9123,
        "val_hausdorff_95": 2.0,
        "weights_sha256": hashlib.sha256(b"weights").hexdigest(),
    }
    assert json.loads(archive.read("method/configs/metadata.json")) == {"version": "1.2.3", "eval_metrics": scores}
    assert json.loads((bundles_dir / "method/configs/metadata.json").read_text()) == {"version": "1.2.3"}
    first = Path(path).read_bytes()
    package_with_weights("method", output=str(tmp_path / "dist"), bundles_dir=bundles_dir)
    assert len(runs) == 2, "kept, with their scores"
    assert Path(path).read_bytes() == first


def test_weights_of_unknown_scores(bundles_dir: Path, tmp_path: Path, runs: list[tuple[str, list[str]]]) -> None:
    weights, output = bundles_dir / "method/models/model.pt", tmp_path / "dist"
    _write_bundle(bundles_dir, {"models/model.pt": "mine", "models/eval_metrics.json": '{"weights_sha256": "other"}'})
    with pytest.raises(InputError, match="of its training beside it"):
        package("method", output=str(output), bundles_dir=bundles_dir)
    _write_bundle(bundles_dir, {"models/plan.json": "{}"})
    with pytest.raises(InputError, match="holds no scores of these weights"):
        package_with_weights("method", output=str(output), bundles_dir=bundles_dir)
    assert not runs and not output.exists() and weights.read_text() == "mine"
    (path,) = package("method", output=str(output), bundles_dir=bundles_dir)
    archive = zipfile.ZipFile(path)
    assert archive.read("method/models/model.pt") == b"mine"
    assert "eval_metrics" not in json.loads(archive.read("method/configs/metadata.json"))
    for text in ("{", "[1]"):
        (weights.parent / "eval_metrics.json").write_text(text)
        with pytest.raises(InputError, match="is no JSON dictionary of scores"):
            package("method", output=str(output), bundles_dir=bundles_dir)


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


@pytest.fixture(scope="module")
def interpreter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has the requirements but not this repository: `.pth` files, of which the editable installation is
    one, do not count in folders that a `.pth` file names."""
    folder = tmp_path_factory.mktemp("interpreter")
    venv.EnvBuilder(symlinks=True).create(folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    requirements = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (packages / "requirements.pth").write_text("\n".join(requirements))
    return folder / "bin/python"


ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
ENVIRONMENT |= {"no_proxy": "127.0.0.1"}


@pytest.fixture(scope="module")
def warm(interpreter: Path) -> Iterator[WarmPython]:
    """That interpreter with MONAI imported: the first thing that each command would do."""
    python = WarmPython(interpreter, MONAI, ENVIRONMENT)
    yield python
    python.close()


def _run(python: Path | WarmPython, *arguments: str, folder: Path, **variables: str) -> str:
    """What it prints; a cold start where the interpreter's path is given."""
    environment = ENVIRONMENT | variables
    if isinstance(python, WarmPython):
        process = python.start(*arguments, folder=folder, environment=environment)
        assert process.wait(timeout=600) == 0, process.output()[-4000:]
        return process.output()
    done = subprocess.run([python, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


def _options(overrides: dict[str, Any]) -> list[str]:
    return [text for key, value in overrides.items() for text in (f"--{key}", json.dumps(value))]


@pytest.fixture(scope="module")
def unpacked(bundle: Path, warm: WarmPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The bundle's folder as MONAI fetched it from a server on this machine."""
    served, folder = tmp_path_factory.mktemp("served"), tmp_path_factory.mktemp("fetched")
    with serve(served) as address:
        package(bundle.name, output=str(served), url_prefix=address)
        (entry,) = json.loads((served / "model_info.json").read_text()).values()
        command = ["-m", "monai.bundle", "download", "--name", bundle.name, "--url", entry["source"]]
        _run(warm, *command, "--bundle_dir", str(folder), folder=folder)
    assert hashlib.sha1((folder / f"{bundle.name}.zip").read_bytes()).hexdigest() == entry["checksum"]
    yield folder / bundle.name


@pytest.fixture(scope="module")
def trained(unpacked: Path, warm: WarmPython, interpreter: Path, tiny: dict[str, Any]) -> Path:
    """The same folder after a tiny training by the documented command, of one bundle from a cold start."""
    command = ["-m", "monai.bundle", "run", "training", "--config_file", "configs/train.yaml"]
    python = interpreter if unpacked.name == "t_loss" else warm
    _run(python, *command, *_options(tiny["train"]), folder=unpacked)
    return unpacked


def test_interpreter_lacks_the_repository(interpreter: Path, unpacked: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="No module named 'common'"):
        _run(interpreter, "-c", "import common", folder=tmp_path)
    found = Path(_run(interpreter, "-c", "import common; print(common.__file__)", folder=unpacked).strip())
    assert found.resolve() == (unpacked / "common/__init__.py").resolve()


@pytest.mark.acceptance("download and run elsewhere")
def test_training_from_the_zip(trained: Path, tiny: dict[str, Any]) -> None:
    weights = torch.load(trained / "models/model.pt", weights_only=True)
    assert all(tensor.isfinite().all() for tensor in weights.values())
    with (trained / "output/metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == [str(epoch + 1) for epoch in range(tiny["train"]["max_epochs"])]
    assert all(math.isfinite(float(row["loss"])) for row in rows)


@pytest.mark.acceptance("download and run elsewhere")
def test_inference_from_the_zip(trained: Path, warm: WarmPython, tiny: dict[str, Any], tmp_path: Path) -> None:
    """From another folder and with the JSON twin, every input gets a mask in its own geometry."""
    phantom, output = trained / "phantom", tmp_path / "output"
    paths = [path for pattern in tiny["inputs"] for path in phantom.glob(pattern)]
    shared = os.path.commonpath([path.parent for path in paths])  # cases are named below it
    inputs = {path.relative_to(shared).as_posix().removesuffix("".join(path.suffixes)): path for path in paths}
    datalist = tmp_path / "inputs.json"
    datalist.write_text(json.dumps([str(path) for path in inputs.values()]))
    places = {"bundle_root": str(trained), "dataset_dir": str(datalist), "output_dir": str(output)}
    command = ["-m", "monai.bundle", "run", "inferring", "--config_file", str(trained / "configs/inference.json")]
    _run(warm, *command, *_options(places | tiny["inference"]), folder=tmp_path)
    with (output / "summary.csv").open(newline="") as file:
        assert sorted(row["case"] for row in csv.DictReader(file)) == sorted(inputs)
    for case, path in inputs.items():
        (mask,) = output.glob(f"{case}_mask.*")
        if mask.suffix == ".png":
            assert Image.open(mask).size == Image.open(path).size
            assert set(np.unique(np.asarray(Image.open(mask)))) <= {0, 255}
        else:
            result, image = nib.load(mask), nib.load(path)
            assert result.shape == image.shape
            assert result.header.get_zooms() == image.header.get_zooms()
            np.testing.assert_array_equal(result.affine, image.affine)
            assert set(np.unique(result.dataobj)) <= set(range(tiny.get("classes", 2)))


EVERY_MODULE = """
import importlib, pathlib
for path in sorted(pathlib.Path("common").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    for export in getattr(module, "__all__", ()) if path.name == "__init__.py" else ():
        try:
            getattr(module, export)
        except ModuleNotFoundError as error:  # of a module that this bundle does not reach
            assert error.name.startswith(name + "."), error
            assert not pathlib.Path(*error.name.split(".")).with_suffix(".py").exists()
"""


def test_every_module_of_the_zip_can_be_imported(unpacked: Path, warm: WarmPython, repository: Path) -> None:
    _run(warm, "-c", EVERY_MODULE, folder=unpacked)
    count = len(list((unpacked / "common").rglob("*.py")))
    assert count < 0.75 * len(list((repository / "common").rglob("*.py"))), "what no configuration reaches stays behind"


LOAD = """
import os, sys, monai.bundle, torch
from monai.bundle import ConfigWorkflow, create_workflow

PLACES = {"logging_file": False, "device": "cpu"}

def check(root):
    places = {"bundle_dir": os.path.join(root, ".."), "device": "cpu"}  # train.json would look at its data first
    network = monai.bundle.load(name=NAME, workflow_type="inference", net_override=TINY["load"], **places)
    weights = torch.load(os.path.join(root, "models/model.pt"), weights_only=True)
    assert network.state_dict().keys() == weights.keys()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in network.state_dict().items())
    for name in ("train", "inference"):
        config = os.path.join(root, f"configs/{name}.json")
        workflow = create_workflow(config_file=config, workflow_type=name, bundle_root=root, **PLACES, **TINY[name])
        assert workflow.check_properties() == []
        assert workflow.network_def.state_dict().keys() == weights.keys()
        assert workflow.version
    workflow = ConfigWorkflow(config, workflow_type=name, bundle_root=root, **PLACES, **TINY[name])
    workflow.initialize()
    workflow.run()
    assert os.path.isfile(os.path.join(root, "output/inference/summary.csv"))

check(ROOT)  # from elsewhere, with PYTHONPATH
assert sys.modules["common"].__file__.startswith(ROOT)
sys.path.append(OTHER)  # as PYTHONPATH does, or a run of the bundle
other = create_workflow(config_file=OTHER + "/configs/inference.json", workflow_type="inference", **PLACES)
assert sum(parameter.numel() for parameter in other.network_def.parameters()) and other.network_def.state_dict()
assert sys.modules["common"].__file__.startswith(ROOT), "the first copy serves both; the second has what it lacks"
assert all([other.preprocessing, other.inferer, other.postprocessing])

for name in [name for name in sys.modules if name.split(".")[0] == "common"]:
    del sys.modules[name]
sys.path[:] = ["", *(folder for folder in sys.path if folder not in ("", ROOT, OTHER))]
os.chdir(ROOT)
check(".")  # from the bundle's own folder
"""


@pytest.mark.acceptance("load from Python")
def test_python_loads_the_bundle(
    trained: Path, warm: WarmPython, tiny: dict[str, Any], bundles: list[Path], tmp_path: Path
) -> None:
    """By `load`, `create_workflow` and `ConfigWorkflow`, from elsewhere and its own folder, beside another bundle."""
    other = bundles[(bundles.index(next(path for path in bundles if path.name == trained.name)) + 1) % len(bundles)]
    (path,) = package(other.name, output=str(tmp_path))
    zipfile.ZipFile(path).extractall(tmp_path)
    values = {"NAME": trained.name, "ROOT": str(trained), "OTHER": str(tmp_path / other.name), "TINY": tiny}
    script = "\n".join(f"{name} = {value!r}" for name, value in values.items()) + LOAD
    _run(warm, "-c", script, folder=tmp_path, PYTHONPATH=str(trained))
