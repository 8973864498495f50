"""The bundles, the configurations that a user can run, and sizes at which each trains in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUNDLES = sorted(path.parents[1] for path in REPOSITORY.glob("bundles/*/configs/metadata.json"))
STANDALONE = ("train", "inference")
VERBS = (
    "audit",
    "calibrate",
    "demo",
    "evaluate",
    "multi_gpu_train",
    "noise",
)  # of train.yaml alone; others are of data or network

# Per bundle: overrides of train.yaml and inference.yaml that make a run tiny, those that give `monai.bundle.load` the
# same network, patterns below the phantom's folder of images to segment, and overlays of the network that is exported
# if the bundle's own cannot be.
TINY: dict[str, dict[str, Any]] = {
    "t_loss": {
        "train": {
            "dataset_dir#num_cases": 8,
            "dataset_dir#size": 32,
            "dataset_dir#num_volumes": 1,
            "features": [4, 8, 8, 8],
            "max_epochs": 1,
            "batch_size": 4,
        },
        "inference": {"phantom#num_cases": 8, "phantom#size": 32, "phantom#num_volumes": 1},
        "inputs": ["new/*", "volumes/*"],
    },
    "marginal_thresholding": {
        "train": {
            "dataset_dir#num_cases": 6,
            "dataset_dir#size": 32,
            "num_folds": 3,
            "features": [4, 8],
            "max_epochs": 1,
        },
        "inference": {"phantom#num_cases": 6, "phantom#size": 32},
        "inputs": ["new/*"],
    },
    "bwcr": {
        "train": {
            "dataset_dir#num_subjects": 3,
            "dataset_dir#size": 32,
            "dataset_dir#slices": 3,
            "counts": {"training": 1, "validation": 1, "test": 1},
            "features": [4, 8],
            "max_epochs": 1,
            "iterations_per_epoch": 2,
            "batch_size": 4,
        },
        "inference": {"phantom#num_subjects": 3, "phantom#size": 32, "phantom#slices": 3},
        "classes": 4,
        "inputs": ["new/*"],
    },
    "disentangling_annotators": {
        "train": {
            "dataset_dir#num_cases": 12,
            "dataset_dir#size": 32,
            "max_epochs": 1,
            "warmup_epochs": 1,
        },
        "inference": {"phantom#num_cases": 12, "phantom#size": 32},
        "inputs": ["new/*"],
    },
    "soft_label_apl": {
        "train": {
            "dataset_dir#num_cases": 4,
            "dataset_dir#size": 48,
            "dataset_dir#num_slices": 3,
            "orientation": "IPL",
            "features": [4, 4, 4, 4],
            "pyramid_channels": 4,
            "hidden": 8,
            "max_epochs": 1,
            "iterations_per_epoch": 2,
            "batch_size": 4,
        },
        "inference": {
            "phantom#num_cases": 4,
            "phantom#size": 48,
            "phantom#num_slices": 3,
            "pyramid_channels": 4,
            "hidden": 8,
        },
        "export": ["unet"],
        "classes": 3,
        "inputs": ["new/*"],
    },
}


def _configurations() -> Iterator[list[Path]]:
    """Each configuration that stands alone, and train.yaml with each overlay."""
    for folder in BUNDLES:
        configs = folder / "configs"
        yield from ([configs / f"{name}.yaml"] for name in STANDALONE)
        overlays = sorted(path for path in configs.glob("*.yaml") if path.stem not in STANDALONE)
        yield from ([configs / "train.yaml", overlay] for overlay in overlays)


def _overlaid_inferences() -> Iterator[list[Path]]:
    """inference.yaml with each overlay of the network, for what was trained with it."""
    for folder in BUNDLES:
        overlays = sorted((folder / "configs").glob("*.yaml"))
        overlays = [path for path in overlays if path.stem not in (*STANDALONE, *VERBS)]
        if "load_plan" in (folder / "configs/inference.yaml").read_text(encoding="utf-8"):  # data are in the plan
            overlays = [path for path in overlays if "network_def:" in path.read_text(encoding="utf-8")]
        yield from ([folder / "configs/inference.yaml", overlay] for overlay in overlays)


def _name(value: Path | list[Path]) -> str:
    return value.name if isinstance(value, Path) else f"{value[0].parents[1].name}-{value[-1].stem}"


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def bundles() -> list[Path]:
    return BUNDLES


@pytest.fixture(scope="session", params=BUNDLES, ids=_name)
def bundle(request: pytest.FixtureRequest) -> Path:
    """Folder of one bundle after the other."""
    return request.param


@pytest.fixture(scope="session")
def tiny(bundle: Path) -> dict[str, Any]:
    """Overrides that make a run of this bundle tiny."""
    return TINY[bundle.name]


@pytest.fixture(scope="session", params=list(_configurations()), ids=_name)
def config_files(request: pytest.FixtureRequest) -> list[str]:
    """Files of one runnable configuration after the other, as ``--config_file`` takes them."""
    return [str(path) for path in request.param]


@pytest.fixture(scope="session", params=list(_overlaid_inferences()), ids=_name)
def overlaid_inference(request: pytest.FixtureRequest) -> list[str]:
    """inference.yaml with an overlay that a network may have been trained with, one pair after the other."""
    return [str(path) for path in request.param]
