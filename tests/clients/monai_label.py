"""`make clients`: the real MONAI Label serves packages of this repository on 127.0.0.1, and is asked over HTTP.

    python tests/clients/monai_label.py                     # all five bundles, about five minutes after installation
    python tests/clients/monai_label.py --bundles t_loss

Run by a Python that has this repository. It makes an environment for the server (``--environment``, some minutes once),
packages every bundle with untrained weights, starts the server's app ``monaibundle``, and checks for every bundle

- inference of a volume and, where the bundle takes pictures, of a picture: the label map that comes back equals what
  ``inferring`` writes in the same environment, voxel by voxel;
- that the numbers of the labels in ``/info/`` are those in the map;
- training, one epoch, on labels that the server stores, where the bundle learns from one label per image.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.bundle import ConfigParser
from PIL import Image

from common.package import package

REPOSITORY = Path(__file__).resolve().parents[2]
# MONAI Label's own dependencies need numpy < 2 (numpymaxflow, pydicom-seg), pydicom < 3 and dicomweb-client < 0.60
REQUIREMENTS = ["torch==2.13.0", "numpy<2", "monai==1.6.1", "monailabel==0.8.5", "pydicom<3", "dicomweb-client<0.60"]
REQUIREMENTS += ["nibabel", "pytorch-ignite", "pyyaml", "fire", "scipy", "pillow", "matplotlib", "tqdm", "tensorboard"]
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
PICTURES = {"t_loss", "disentangling_annotators"}  # bundles that also segment pictures
TRAINED = {  # on one label per image; sizes at which an epoch takes seconds
    "t_loss": {"image_size": [32, 32], "features": [4, 8, 8, 8]},
    "marginal_thresholding": {"patch_size": [16, 16, 16], "features": [4, 8], "spacing": 3.0},
    "bwcr": {"patch_size": [32, 32], "features": [4, 8], "iterations_per_epoch": 2, "batch_size": 4},
}
DECISIONS: dict[str, dict[str, Any]] = {  # that give untrained networks some foreground, not all
    "marginal_thresholding": {"decision": "half"},
    "soft_label_apl": {"map_threshold": 0.0, "threshold": 0.488, "proposals": 8},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = sorted(path.parents[1].name for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
    parser.add_argument("--bundles", nargs="*", default=names, help="all by default")
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir(), "monai_label_environment"))
    parser.add_argument("--skip", nargs="*", default=[], choices=["picture", "volume", "training"])
    options = parser.parse_args()
    python = _environment(options.environment)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        app = work / "monaibundle"
        shutil.copytree(options.environment / "monailabel/sample-apps/monaibundle", app)
        studies = _studies(work / "studies")
        for bundle in options.bundles:
            _install(bundle, app / "model", work)
        with _serve(python, app, studies, options.bundles, work / "server.log") as server:
            rows = [
                _row(bundle, what, action)
                for bundle in options.bundles
                for what, action in _checks(bundle, server, app / "model" / bundle, studies, python, work).items()
                if what not in options.skip
            ]
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


def _studies(folder: Path) -> Path:
    """Pictures and volumes of smooth noise; a label of each, for training, lies beside."""
    (folder / "labels/final").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for index in range(4):
        volume = generator.normal(0, 100, (40, 36, 5)).cumsum(0).astype(np.float32)
        for name, array in ((folder, volume), (folder / "labels/final", (volume > 0).astype(np.uint8))):
            nib.save(nib.Nifti1Image(array, np.diag([-1.5, 1.5, 3.0, 1.0])), name / f"volume_{index}.nii.gz")
    pixels = generator.normal(0, 20, (30, 44)).cumsum(0)
    pixels = (255 * (pixels - pixels.min()) / np.ptp(pixels)).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "picture.png")
    return folder


def _install(bundle: str, models: Path, work: Path) -> None:
    """Unpacks the bundle's zip, with untrained weights and sizes and decisions at which these segment something."""
    source, copy = REPOSITORY / "bundles" / bundle, work / "bundles" / bundle
    for name in ("configs", "docs", "LICENSE"):
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, copy / name)
    parser = ConfigParser()
    parser.read_config(copy / "configs/inference.yaml")
    torch.manual_seed(0)
    network = parser.get_parsed_content("network_def")
    (copy / "models").mkdir()
    torch.save(network.state_dict(), copy / "models/model.pt")
    (path,) = package(bundle, output=str(work), train=False, bundles_dir=work / "bundles")
    zipfile.ZipFile(path).extractall(models)
    for file in models.glob(f"{bundle}/configs/inference.*"):  # MONAI Label reads this file alone
        parser = ConfigParser()
        parser.read_config(file)
        config = parser.config | DECISIONS.get(bundle, {})
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


def _checks(
    bundle: str, server: str, folder: Path, studies: Path, python: Path, work: Path
) -> dict[str, Callable[[], str]]:
    checks: dict[str, Callable[[], str]] = {}
    inputs = {"volume": "volume_0.nii.gz"} | ({"picture": "picture.png"} if bundle in PICTURES else {})
    for what, name in inputs.items():
        checks[what] = lambda name=name: _compare(bundle, server, folder, studies / name, python, work)
    if bundle in TRAINED:
        checks["training"] = lambda: _train(bundle, server, folder)
    return checks


def _row(bundle: str, what: str, action: Callable[[], str]) -> str:
    try:
        result = action()
    except Exception as error:
        result = f"{' '.join(str(error).split())[-300:]} FAILED"
    row = f"{bundle:26}{what:10}{result}"
    print(row, file=sys.stderr, flush=True)
    return row


def _compare(bundle: str, server: str, folder: Path, image: Path, python: Path, work: Path) -> str:
    """Over HTTP and by `inferring`: the same map, and labels that it has."""
    suffix = ".png" if image.suffix == ".png" else ".nii.gz"
    answer = work / f"answer{suffix}"
    answer.write_bytes(_post(f"{server}/infer/{bundle}?image={image.name.removesuffix(suffix)}&output=image"))
    output = work / "inferred" / bundle
    command = [str(python), "-m", "monai.bundle", "run", "inferring", "--config_file", "configs/inference.json"]
    command += ["--dataset_dir", str(image), "--output_dir", str(output)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    written, found = _labels(next(output.glob(f"{image.name.removesuffix(suffix)}_mask.*"))), _labels(answer)
    if found.shape != written.shape or not np.array_equal(found, written):
        raise RuntimeError(f"shapes {found.shape}, {written.shape}; values {np.unique(found)}, {np.unique(written)}")
    with urllib.request.urlopen(f"{server}/info/") as response:
        labels = json.load(response)["models"][bundle]["labels"]
    strangers = set(np.unique(found)) - {0, *labels.values()}
    if strangers or 0 in labels.values():
        raise RuntimeError(f"labels {labels}, but the map holds {np.unique(found)}")
    return f"equal to inferring, {np.unique(found).tolist()} of {labels}"


def _labels(path: Path) -> np.ndarray:
    if path.suffix == ".png":
        pixels = np.asarray(Image.open(path))
        return (pixels > 0).astype(np.uint8)
    return np.asarray(nib.load(path).dataobj)


def _train(bundle: str, server: str, folder: Path) -> str:
    for file in folder.glob("configs/train.*"):
        parser = ConfigParser()
        parser.read_config(file)
        config = parser.config | TRAINED[bundle]
        ConfigParser.export_config_file(config, str(file), fmt=file.suffix[1:], indent=4)
    weights = folder / "models/model.pt"
    parser = ConfigParser()
    parser.read_config(folder / "configs/train.json")
    torch.save(parser.get_parsed_content("network_def").state_dict(), weights)
    before = weights.read_bytes()
    request = {"device": "cpu", "max_epochs": 1, "pretrained": True, "val_split": 0.25, "model_filename": "model.pt"}
    _post(f"{server}/train/{bundle}?run_sync=true", request)
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
