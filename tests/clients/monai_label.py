"""`make clients`: the real MONAI Label serves packages of this repository on 127.0.0.1, and is asked over HTTP.

    python tests/clients/monai_label.py                     # all five bundles, about ten minutes after installation
    python tests/clients/monai_label.py --bundles t_loss

Run by a Python that has this repository. It makes an environment for the server (``--environment``, some minutes once),
trains every bundle for two epochs, packages it, starts the server's app ``monaibundle``, and checks for every bundle,
once with color pictures of three classes, once with volumes of two,

- inference of a new image: the label map that comes back equals what ``inferring`` writes in the same environment,
  voxel by voxel;
- that names and numbers of the labels in ``/info/`` are those of the training and those in the map;
- training, one epoch more, on labels that the server stores, and inference with the new weights; a bundle that learns
  from several annotators refuses it in a sentence.

It prints a table and ends with 1 if anything differs. No part of the suite: it needs two gigabytes of packages.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
import venv
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import monai.bundle
import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from PIL import Image

from common.package import package

REPOSITORY = Path(__file__).resolve().parents[2]
# MONAI Label's own dependencies need numpy < 2 (numpymaxflow, pydicom-seg), pydicom < 3 and dicomweb-client < 0.60
REQUIREMENTS = ["torch==2.13.0", "numpy<2", "monai==1.6.1", "monailabel==0.8.5", "pydicom<3", "dicomweb-client<0.60"]
REQUIREMENTS += [
    "nibabel",
    "isal",
    "pytorch-ignite",
    "pyyaml",
    "fire",
    "scipy",
    "pillow",
    "tifffile",
    "matplotlib",
    "tqdm",
    "tensorboard",
]
REQUIREMENTS += ["lazy-loader", "torchvision==0.28.0"]
# PyPI's torchvision is built for CUDA; beside PyTorch for the CPU its operators do not load, nor does its Python part
# without the declaration of two of them. MONAI Label wants `make_grid` of it, which needs none.
DECLARATION = """
import torch
if torch.version.cuda is None:
    torchvision_library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        torchvision_library.define(name + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
"""
SHAPES = {"picture": (40, 48), "volume": (24, 22, 8)}
SUFFIXES = {"picture": ".png", "volume": ".nii.gz"}
AFFINE = np.diag([-1.5, 1.5, 3.0, 1.0])
BY_ANNOTATORS = {"disentangling_annotators"}  # bundles that learn from what each annotator drew, nothing else
SIZES: dict[str, dict[str, Any]] = {  # at which an epoch takes seconds
    "bwcr": {"features": [4, 8, 8], "iterations_per_epoch": 4},
    "disentangling_annotators": {"features": [4, 8, 8]},
    "marginal_thresholding": {"features": [4, 8, 8]},
    "soft_label_apl": {"features": [4, 4, 8, 8], "proposals": 8},
    "t_loss": {"features": [4, 8, 8]},
}
DECISIONS: dict[str, dict[str, Any]] = {  # that let barely trained networks find something, and that ask for more
    "disentangling_annotators": {"save_annotators": True},
    "marginal_thresholding": {"decision": "half"},
    "soft_label_apl": {"map_threshold": 0.0, "threshold": 0.3},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
    parser.add_argument("--bundles", nargs="*", default=names, help="all by default")
    parser.add_argument("--kinds", nargs="*", default=list(SHAPES), choices=list(SHAPES), help="both by default")
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir(), "monai_label_environment"))
    parser.add_argument("--work", type=Path, help="folder for what is made, kept and used again; by default temporary")
    options = parser.parse_args()
    python = _environment(options.environment)
    rows = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        for kind in options.kinds:
            work = Path(options.work or temporary, kind)
            app, data, studies = work / "monaibundle", work / "data", work / "studies"
            shutil.copytree(options.environment / "monailabel/sample-apps/monaibundle", app, dirs_exist_ok=True)
            write_data(kind, data, studies)
            for bundle in options.bundles:
                install(bundle, app / "model", data, work)
            with _serve(python, app, studies, options.bundles, work / "server.log") as server:
                for bundle in options.bundles:
                    folder, image = app / "model" / bundle, studies / f"new{SUFFIXES[kind]}"
                    rows.append(_row(bundle, kind, "inference", _compare, server, folder, image, python, work))
                    rows.append(_row(bundle, kind, "training", _train, server, folder, work / "server.log"))
                    if bundle not in BY_ANNOTATORS:
                        rows.append(_row(bundle, kind, "inference", _compare, server, folder, image, python, work))
    print(*rows, sep="\n")
    sys.exit(any(row.endswith("FAILED") for row in rows))


def _environment(folder: Path) -> Path:
    """The server's Python, made and filled if the folder has none."""
    python = folder / "bin/python"
    if not (folder / "monailabel/sample-apps").is_dir():
        venv.create(folder, with_pip=True, clear=True)
        pip = [str(python), "-m", "pip", "install", "--quiet"]
        variables = os.environ | {"SAM2_BUILD_CUDA": "0"}
        subprocess.run([*pip, *REQUIREMENTS[:2], "setuptools", "wheel"], check=True)
        subprocess.run([*pip, "--no-build-isolation", *REQUIREMENTS], check=True, env=variables)  # sam2 asks for torch
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "sitecustomize.py").write_text(DECLARATION)
    return python


def write_data(kind: str, data: Path, studies: Path) -> None:
    """Color pictures with two kinds of objects, or volumes with one: by two annotators, and with labels of the server.

    The server has them, and a new image of another size.
    """
    generator = np.random.default_rng(0)
    for case, shape in [(f"case_{index}", SHAPES[kind]) for index in range(4)] + [("new", SHAPES[kind][::-1])]:
        label = np.zeros(shape, np.uint8)
        label[shape[0] // 4 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 1
        if kind == "picture":
            label[shape[0] // 2 : shape[0] - 4, shape[1] // 2 :] = 2
        gray = label * 80.0 + generator.normal(40, 12, shape)
        image = (
            np.stack([gray, gray[::-1], 255 - gray], -1).clip(0, 255).astype(np.uint8) if kind == "picture" else gray
        )
        _save(image, studies / case)
        if case != "new":
            _save(image, data / "images" / case)
            _save(label, studies / "labels/final" / case)
            for number, annotator in enumerate(("anna", "ben")):
                _save(np.roll(label, number, 0), data / annotator / case)


def _save(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if array.ndim == 2 or array.shape[-1] == 3:
        Image.fromarray(array).save(f"{path}.png")
    else:
        nib.save(nib.Nifti1Image(array, AFFINE), f"{path}.nii.gz")


def install(bundle: str, models: Path, data: Path, work: Path, overlays: Sequence[str] = (), epochs: int = 2) -> None:
    """Trains the bundle for a few epochs, and unpacks its zip, with decisions at which it segments something."""
    source, copy = REPOSITORY / "bundles" / bundle, work / "bundles" / bundle
    for name in ("configs", "docs"):
        shutil.copytree(source / name, copy / name, dirs_exist_ok=True)
    shutil.copy(source / "LICENSE", copy / "LICENSE")
    if not (copy / "models/model.pt").is_file():
        places = {"bundle_root": str(copy), "dataset_dir": str(data), "device": torch.device("cpu")}
        configs = [str(copy / f"configs/{name}.yaml") for name in ("train", *overlays)]
        monai.bundle.run(config_file=configs, max_epochs=epochs, **places, **SIZES[bundle])
    (path,) = package(bundle, output=str(work), train=False, bundles_dir=work / "bundles")
    zipfile.ZipFile(path).extractall(models)
    for name, options in (("inference", DECISIONS.get(bundle, {})), ("train", SIZES[bundle])):
        for file in models.glob(f"{bundle}/configs/{name}.*"):  # MONAI Label reads these alone, without a command line
            parser = ConfigParser()
            parser.read_config(file)
            config = {key: value for key, value in parser.config.items() if key != "_meta_"} | options
            ConfigParser.export_config_file(config, str(file), fmt=file.suffix[1:], indent=4)


@contextmanager
def _serve(python: Path, app: Path, studies: Path, bundles: list[str], log: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(python), "-m", "monailabel.main", "start_server", "--app", str(app), "--studies", str(studies)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--conf", "models", ",".join(bundles)]
    command += ["--conf", "zoo_source", "ngc", "--conf", "sam2", "false"]
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    variables |= {"MONAI_LABEL_DATASTORE_FILE_EXT": '["*.nii.gz","*.nii","*.png"]', "HOME": str(app.parent)}
    with log.open("w", encoding="utf-8") as file:
        server = subprocess.Popen(command, cwd=app.parent, env=variables, stdout=file, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address, server, log)
            yield address
        finally:
            server.terminate()
            server.wait(30)
            if os.environ.get("CLIENTS_LOG"):
                shutil.copy(log, os.environ["CLIENTS_LOG"])


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/info/", timeout=5):
                return
        except OSError:
            if server.poll() is not None:
                sys.exit(f"MONAI Label ended with {server.returncode}:\n{log.read_text(encoding='utf-8')[-4000:]}")
            time.sleep(1)
    sys.exit(f"MONAI Label did not answer within ten minutes:\n{log.read_text(encoding='utf-8')[-4000:]}")


def _row(bundle: str, kind: str, what: str, action: Callable[..., str], *arguments: Any) -> str:
    try:
        result = action(bundle, *arguments)
    except Exception as error:
        result = f"{' '.join(str(error).split())[-600:]} FAILED"
    row = f"{bundle:26}{kind:9}{what:11}{result}"
    print(row, file=sys.stderr, flush=True)
    return row


def _compare(bundle: str, server: str, folder: Path, image: Path, python: Path, work: Path) -> str:
    """Over HTTP and by `inferring`: the same map, and labels that it has, by their names in the plan."""
    suffix = ".png" if image.suffix == ".png" else ".nii.gz"
    answer = work / f"answer{suffix}"
    answer.write_bytes(_post(f"{server}/infer/{bundle}?image={image.name.removesuffix(suffix)}&output=image"))
    output = work / "inferred" / bundle
    command = [str(python), "-m", "monai.bundle", "run", "inferring", "--config_file", "configs/inference.json"]
    command += ["--dataset_dir", str(image), "--output_dir", str(output), "--overwrite", "true"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    written, found = _labels(next(output.glob(f"{image.name.removesuffix(suffix)}_mask.*"))), _labels(answer)
    if found.shape != written.shape or not np.array_equal(found, written):
        raise RuntimeError(f"shapes {found.shape}, {written.shape}; values {np.unique(found)}, {np.unique(written)}")
    with urllib.request.urlopen(f"{server}/info/") as response:
        labels = json.load(response)["models"][bundle]["labels"]
    names = json.loads((folder / "models/plan.json").read_text(encoding="utf-8"))["class_names"]
    wanted = {name.lower(): number for number, name in enumerate(names) if number}
    if labels != wanted or not set(np.unique(found)) <= {0, *labels.values()}:
        raise RuntimeError(f"labels {labels}, expected {wanted}; the map holds {np.unique(found)}")
    return f"equal to inferring, {np.unique(found).tolist()} of {labels}"


def _labels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)) if path.suffix == ".png" else np.asarray(nib.load(path).dataobj)


def _train(bundle: str, server: str, folder: Path, log: Path) -> str:
    """One epoch more, from the packaged weights; a bundle that needs annotators says so."""
    weights = folder / "models/model.pt"
    before, start = weights.read_bytes(), len(log.read_bytes())
    request = {"device": "cpu", "max_epochs": 1, "pretrained": True, "val_split": 0.25, "model_filename": "model.pt"}
    try:
        _post(f"{server}/train/{bundle}?run_sync=true", request)
    except RuntimeError as error:  # the server tells the reason to its log alone, after it has answered
        time.sleep(5)
        lines = log.read_bytes()[start:].decode().splitlines()
        reason = next((line for line in lines if line.startswith("common.errors.")), str(error))
        if bundle in BY_ANNOTATORS and "annotator" in reason and weights.read_bytes() == before:
            return f"refused: {reason}"
        raise RuntimeError(reason) from error
    if weights.read_bytes() == before:
        raise RuntimeError("no weights were written")
    return "one epoch, weights written"


def _post(address: str, content: dict[str, Any] | None = None) -> bytes:
    if content is None:
        boundary = uuid.uuid4().hex
        body = f'--{boundary}\r\nContent-Disposition: form-data; name="params"\r\n\r\n{{"device": "cpu"}}\r\n'
        data, kind = f"{body}--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
    else:
        data, kind = json.dumps(content).encode(), "application/json"
    request = urllib.request.Request(address, data, {"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=600) as response:
            return response.read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"HTTP {error.code}: {error.read().decode()[-500:]}") from error


if __name__ == "__main__":
    main()
