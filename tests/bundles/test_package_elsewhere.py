"""The journey of somebody who has nothing but a bundle's zip: it is unpacked, trained, run and loaded elsewhere."""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from bundle_runs import copy_bundle
from local_server import serve
from PIL import Image
from warm_python import MONAI, NewWarmPython, WarmPython

from common.package import package as package_with_weights

package = partial(package_with_weights, train=False)


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
    python = NewWarmPython(MONAI, interpreter, ENVIRONMENT)
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
        sources = copy_bundle(bundle.name, served / "bundles").parent
        package(bundle.name, output=str(served), url_prefix=address, bundles_dir=sources)
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
    """Commands of the repository, which no configuration reaches, stay behind with what they alone use."""
    _run(warm, "-c", EVERY_MODULE, folder=unpacked)
    assert len(list((unpacked / "common").rglob("*.py"))) < 248
    for name in ("convert.py", "demo.py", "fuse.py", "measure.py", "package.py", "threshold.py", "formats/cvat.py"):
        assert (repository / "common" / name).is_file() and not (unpacked / "common" / name).exists(), name


LOAD = """
import os, sys, monai.bundle, torch
from monai.bundle import ConfigWorkflow, create_workflow

PLACES = {"logging_file": False, "device": "cpu"}

def check(root):
    places = {"bundle_dir": os.path.join(root, ".."), "device": "cpu"}  # train.json would look at its data first
    network = monai.bundle.load(name=NAME, workflow_type="inference", **places)
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
    (path,) = package(
        other.name, output=str(tmp_path), bundles_dir=copy_bundle(other.name, tmp_path / "bundles").parent
    )
    zipfile.ZipFile(path).extractall(tmp_path)
    values = {"NAME": trained.name, "ROOT": str(trained), "OTHER": str(tmp_path / other.name), "TINY": tiny}
    script = "\n".join(f"{name} = {value!r}" for name, value in values.items()) + LOAD
    _run(warm, "-c", script, folder=tmp_path, PYTHONPATH=str(trained))
