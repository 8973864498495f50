"""Files and folders of data sets that tests write, and what they compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from common.datasets import InferenceInputs
from common.datasets.dataset import Dataset


def touch(root: Path, *files: str) -> Path:
    """Empty files: a layout goes by names."""
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def short(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Items by case, with paths below the root."""

    def relative(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: relative(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [relative(entry) for entry in value]
        return value.removeprefix(f"{dataset.root}/") if isinstance(value, str) else value

    return {
        item["case"]: {key: relative(value) for key, value in item.items() if key != "case"} for item in dataset.items
    }


def reasons(dataset: Dataset) -> dict[str, str]:
    return {path.removeprefix(f"{dataset.root}/"): reason for path, reason in dataset.left_out}


def picture(path: Path, mode: str = "L") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (9, 7)).save(path)
    return str(path)


def volume(path: Path, shape: tuple[int, ...] = (4, 5, 3), value: float = 1, affine: np.ndarray | None = None) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.full(shape, value, np.float32), np.eye(4) if affine is None else affine), path)
    return str(path)


def cases(inputs: InferenceInputs) -> list[str]:
    return [item["case"] for item in inputs.items]
